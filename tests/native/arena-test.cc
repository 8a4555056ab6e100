// The arena of builders and the native producers, under the sanitizers.
#include "core/arena/arena.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "check.h"
#include "core/producers/decimal.h"
#include "core/producers/lines.h"
#include "core/producers/numbers.h"

using namespace rstore;

namespace {

const GuardMeans kBoth[] = {bestGuardMeans(), GuardMeans::kProtection};

const std::string kTwoNumbers = "1,2";

ByteSource sourceOf(std::string&& text) = delete;
ByteSource sourceOf(const std::string& text) {
  return ByteSource::ofMemory(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

std::string numbersUpTo(int count) {
  std::string text;
  for (int i = 0; i < count; i++) {
    if (i > 0) text += i % 7 == 0 ? "\n" : ", ";
    text += std::to_string(i * 3);
  }
  return text;
}

/// A pipe with `text` in it, closed for writing.
int pipeOf(const std::string& text) {
  int ends[2];
  if (::pipe(ends) < 0) std::abort();
  if (::write(ends[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  ::close(ends[1]);
  return ends[0];
}

bool isFilledWith(const Run& run, int byte) {
  const auto is = [byte](std::byte b) { return b == static_cast<std::byte>(byte); };
  return std::all_of(run.base, run.guard(), is);
}

void fill(const Run& run, int byte) { std::memset(run.base, byte, run.writableBytes()); }

/// Where a store into the guard lands; null when it does not fault.
const std::byte* landingOf(const Run& run) {
  GuardLanding landing;
  if (sigsetjmp(landing.jump, 0) != 0) return landing.address;
  CHECK(armGuard(&landing, run.guard(), systemPageBytes()).ok());
  *const_cast<volatile std::byte*>(run.guard()) = std::byte{4};
  disarmGuard(&landing);
  return nullptr;
}

Run takeRun(Arena& arena, uint64_t bytes) {
  Run run;
  CHECK(arena.take(bytes, &run).ok());
  return run;
}

}  // namespace

TEST(classesAreOneGuardShortOfAPowerOfTwo) {
  const uint64_t page = systemPageBytes();
  CHECK(Arena::classFor(0) == 1);
  CHECK(Arena::classFor(1) == 1);
  CHECK(Arena::classFor(page) == 1);
  CHECK(Arena::classFor(page + 1) == 2);
  CHECK(Arena::classFor(3 * page) == 2);
  CHECK(Arena::classFor(3 * page + 1) == 3);
  CHECK(Arena::classFor(1023 * page) == 10);
  CHECK(Arena::classFor(1024 * page) == 11);
}

TEST(runsAreReusedLastFirst) {
  Arena arena;
  const Run a = takeRun(arena, 100), b = takeRun(arena, 100), c = takeRun(arena, 100);
  CHECK(a.base != b.base && b.base != c.base);
  arena.give(a);
  arena.give(c);
  CHECK(takeRun(arena, 100).base == c.base);
  CHECK(takeRun(arena, 100).base == a.base);
  CHECK(arena.takenRuns() == 3);
  CHECK(arena.segmentCount() == 1);
}

TEST(aRunCanBeWrittenUpToItsGuardAndNotFurther) {
  for (const GuardMeans means : kBoth) {
    Arena arena(means);
    for (const uint64_t pages : {1, 3, 7, 511, 1023}) {
      const Run before = takeRun(arena, pages * systemPageBytes());
      const Run run = takeRun(arena, pages * systemPageBytes());
      const Run behind = takeRun(arena, pages * systemPageBytes());
      fill(before, 1), fill(behind, 2), fill(run, 3);
      CHECK(landingOf(run) == run.guard());
      CHECK(isFilledWith(before, 1) && isFilledWith(behind, 2) && isFilledWith(run, 3));
    }
  }
}

TEST(pagesBeyondTheWatermarkGoBackAndGuardsStay) {
  for (const GuardMeans means : kBoth) {
    Arena arena(means, 3 * systemPageBytes());
    const Run a = takeRun(arena, 3 * systemPageBytes());
    const Run b = takeRun(arena, 3 * systemPageBytes());
    fill(a, 5), fill(b, 6);
    arena.give(a);
    CHECK(arena.warmBytes() == 3 * systemPageBytes());
    arena.give(b);
    CHECK(arena.warmBytes() == 3 * systemPageBytes());
    CHECK(isFilledWith(a, 5));
    CHECK(isFilledWith(b, 0));
    NumberParser parser(NumberKind::kU8, ',');
    ByteSource source = sourceOf(kTwoNumbers);
    const auto result = parser.run(source, b.guard() - 1, b.guard());
    CHECK(result.stop == Stop::kGuard && result.count == 1);
  }
}

TEST(aStrayTouchOfAGuardDoesNotEndTheProcess) {
  Arena arena;
  const Run run = takeRun(arena, 1);
  *const_cast<volatile std::byte*>(run.guard()) = std::byte{1};
  arena.give(run);
  const Run again = takeRun(arena, 1);
  CHECK(again.base == run.base);
  NumberParser parser(NumberKind::kU8, ',');
  ByteSource source = sourceOf(kTwoNumbers);
  CHECK(parser.run(source, again.guard() - 1, again.guard()).stop == Stop::kGuard);
}

TEST(systemCallsEndAtTheGuard) {
  Arena arena;
  const Run run = takeRun(arena, 1);
  const int fd = check::makeFile("numbers", 100);
  CHECK(readWaiting(fd, run.guard() - 40, 100) == 40);
  CHECK(readWaiting(fd, run.guard(), 100) == -EFAULT);
  CHECK(readWaiting(fd, run.base, 100) == 60);
  CHECK(readWaiting(fd, run.guard(), 100) == 0);
  ::close(fd);
  const int end = pipeOf("abcdef");
  CHECK(readWaiting(end, run.guard(), 6) == -EFAULT);
  CHECK(readWaiting(end, run.base, 6) == 6);
  ::close(end);
}

TEST(numbersStopAtTheGuardAndGoOnBehindIt) {
  Arena arena;
  const Run run = takeRun(arena, 1);
  const int count = 300'000;
  const std::string text = numbersUpTo(count);
  const std::string path = check::pathOf("many");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::lseek(fd, 0, SEEK_SET);
  for (ByteSource source : {sourceOf(text), ByteSource::ofFile(fd)}) {
    NumberParser parser(NumberKind::kI32, ',');
    int next = 0;
    for (Stop stop = Stop::kGuard; stop == Stop::kGuard;) {
      std::byte* to = run.guard() - 37 * 4;
      const auto result = parser.run(source, to, run.guard());
      stop = result.stop;
      CHECK(result.status.ok());
      CHECK(stop == Stop::kEnd || result.count == 37);
      const auto* numbers = reinterpret_cast<const int32_t*>(to);
      for (uint64_t i = 0; i < result.count; i++) {
        if (numbers[i] != 3 * next++) return CHECK(false);
      }
    }
    CHECK(next == count);
  }
  ::close(fd);
}

TEST(anOverflowIsAtTheSameElementEveryTime) {
  Arena arena;
  const std::string text = numbersUpTo(1000);
  for (int round = 0; round < 50; round++) {
    const Run run = takeRun(arena, 8 * 500);
    NumberParser parser(NumberKind::kF64, ',');
    ByteSource source = sourceOf(text);
    const auto result = parser.run(source, run.guard() - 8 * 500, run.guard());
    CHECK(result.stop == Stop::kGuard && result.count == 500);
    CHECK(std::string(parser.field(), parser.fieldBytes()) == "1500");
    CHECK(parser.line() == 72 && text.compare(parser.offset(), 5, "1500,") == 0);
    arena.give(run);
  }
}

TEST(eightThreadsOverflowAtOnce) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; thread++) {
    threads.emplace_back([&wrong, thread] {
      Arena arena;
      const std::string text = numbersUpTo(2000);
      for (uint64_t round = 0; round < 200; round++) {
        const uint64_t room = (round * 7 + static_cast<uint64_t>(thread)) % 1900;
        const Run run = takeRun(arena, room * 2);
        NumberParser parser(NumberKind::kU16, ',');
        ByteSource source = sourceOf(text);
        const auto result = parser.run(source, run.guard() - room * 2, run.guard());
        if (result.stop != Stop::kGuard || result.count != room) wrong++;
        if (parser.field() != std::strstr(parser.field(), std::to_string(room * 3).c_str()))
          wrong++;
        arena.give(run);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST(mistakesAreReportedWhereTheyAre) {
  struct Case {
    const char* text;
    Stop stop;
    uint64_t count, line, column;
  };
  const Case cases[] = {
      {"1,2\n3,x4,5", Stop::kMalformed, 3, 2, 3},
      {"1,2\n\n\n3,4.5.6", Stop::kMalformed, 3, 4, 3},
      {"1,,2", Stop::kEmpty, 1, 1, 3},
      {"1,2,\n3", Stop::kEmpty, 2, 1, 5},
      {"1,2,", Stop::kEmpty, 2, 1, 5},
      {",1", Stop::kEmpty, 0, 1, 1},
      {"1 2", Stop::kMalformed, 0, 1, 1},
      {"1e", Stop::kMalformed, 0, 1, 1},
      {"-", Stop::kMalformed, 0, 1, 1},
      {" \t1 , 2\r\n", Stop::kEnd, 2, 2, 1},
      {"", Stop::kEnd, 0, 1, 1},
      {"\n\n", Stop::kEnd, 0, 3, 1},
  };
  Arena arena;
  const Run run = takeRun(arena, 1);
  for (const Case& one : cases) {
    NumberParser parser(NumberKind::kF64, ',');
    const std::string text = one.text;
    ByteSource source = sourceOf(text);
    const auto result = parser.run(source, run.base, run.guard());
    const bool same = result.stop == one.stop && result.count == one.count &&
                      parser.line() == one.line && parser.column() == one.column;
    if (!same) {
      std::printf("  %s: %u %u %u %u\n", one.text, static_cast<uint32_t>(result.stop),
                  static_cast<uint32_t>(result.count), static_cast<uint32_t>(parser.line()),
                  static_cast<uint32_t>(parser.column()));
    }
    CHECK(same);
  }
}

TEST(integersKeepToTheirRange) {
  const auto reads = [](auto zero, const char* text, Decimal expected) {
    const std::string padded = std::string(text) + "\n" + std::string(16, '\0');
    const char* at = padded.c_str();
    auto value = zero;
    const bool good = readDecimal(&at, &value) == expected;
    return good && (expected != Decimal::kOk || std::to_string(value) == text);
  };
  CHECK(reads(uint8_t{0}, "255", Decimal::kOk));
  CHECK(reads(uint8_t{0}, "256", Decimal::kOutOfRange));
  CHECK(reads(uint8_t{0}, "-1", Decimal::kOutOfRange));
  CHECK(reads(int8_t{0}, "-128", Decimal::kOk));
  CHECK(reads(int8_t{0}, "-129", Decimal::kOutOfRange));
  CHECK(reads(uint64_t{0}, "18446744073709551615", Decimal::kOk));
  CHECK(reads(uint64_t{0}, "18446744073709551616", Decimal::kOutOfRange));
  CHECK(reads(int64_t{0}, "-9223372036854775808", Decimal::kOk));
  CHECK(reads(int64_t{0}, "9223372036854775808", Decimal::kOutOfRange));
  CHECK(reads(int64_t{0}, "100000000000000000000000000", Decimal::kOutOfRange));
}

TEST(doublesAreRoundedAsTheCLibraryRounds) {
  uint64_t state = 88172645463325252;
  for (int i = 0; i < 200'000; i++) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    double number;
    std::memcpy(&number, &state, 8);
    if (!std::isfinite(number)) continue;
    char text[64] = {};
    const int digits = static_cast<int>(state % 18);
    const char* const formats[] = {"%.*e", "%.*g", "%.*f"};
    const double scaled = i % 2 == 0 ? number : std::remainder(number, 1e9);
    const int length = std::snprintf(text, 40, formats[i % 3], digits, scaled);
    if (length >= 40 || !std::isfinite(scaled)) continue;
    text[length] = '\n';
    const char* at = text;
    double read = 0;
    CHECK(readDecimal(&at, &read) == Decimal::kOk);
    CHECK(at == text + length);
    text[length] = '\0';
    const double expected = std::strtod(text, nullptr);
    if (std::memcmp(&read, &expected, 8) != 0) return std::printf("  %s\n", text), CHECK(false);
    text[length] = '\n';
    at = text;
    float single = 0;
    CHECK(readDecimal(&at, &single) == Decimal::kOk);
    text[length] = '\0';
    const float nearest = std::strtof(text, nullptr);
    if (std::memcmp(&single, &nearest, 4) != 0) return std::printf("  %s\n", text), CHECK(false);
  }
}

TEST(linesAreSplitWhateverTheirLength) {
  Arena arena;
  std::string text;
  std::vector<std::string> lines;
  for (int i = 0; i < 5000; i++) {
    lines.push_back(std::string(static_cast<size_t>(i % 97 == 0 ? 3 * i : i % 13), 'a' + i % 26));
    text += lines.back() + (i % 3 == 0 ? "\r\n" : "\n");
  }
  lines.push_back("last \xc3\xa9");
  text += lines.back();
  LineSplitter splitter(true);
  ByteSource source = sourceOf(text);
  const Run spans = takeRun(arena, 1);
  Run bytes = takeRun(arena, 1);
  uint64_t used = 0;
  size_t next = 0;
  for (Stop stop = Stop::kGuard; stop != Stop::kEnd;) {
    auto* to = reinterpret_cast<TextSpan*>(spans.guard()) - 61;
    const auto result =
        splitter.run(source, {bytes.base, used, bytes.writableBytes()}, to, spans.guard());
    stop = result.stop;
    used = splitter.usedBytes();
    for (uint64_t i = 0; i < result.count; i++) {
      const auto* first = reinterpret_cast<const char*>(bytes.base + to[i].start);
      if (std::string(first, to[i].bytes) != lines[next++]) return CHECK(false);
    }
    CHECK(stop == Stop::kEnd || stop == Stop::kGuard || stop == Stop::kFull);
    if (stop != Stop::kFull) continue;
    bytes = takeRun(arena, 2 * splitter.restBytes() + 1);
    used = 0;
  }
  CHECK(next == lines.size());
}

TEST(whatIsNoUtf8IsFound) {
  const auto bad = [](const char* text) {
    return findBadUtf8(reinterpret_cast<const std::byte*>(text), std::strlen(text));
  };
  CHECK(bad("plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80") == 17);
  CHECK(bad("ab\xff") == 2);
  CHECK(bad("\xc0\x80") == 0);
  CHECK(bad("x\xed\xa0\x80") == 1);
  CHECK(bad("\xe2\x82") == 0);
  CHECK(bad("\xf4\x90\x80\x80") == 0);
  CHECK(bad("\xf0\x80\x80\x80") == 0);
}

int main() {
  if (!installFaultHandler().ok()) return 1;
  return check::runAll();
}
