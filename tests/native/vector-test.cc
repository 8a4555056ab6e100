#include "core/vector/vector-file.h"

#include <algorithm>

#include "check.h"
#include "core/vector/wait.h"

using namespace rstore;

namespace {

std::string create(const char* name, uint32_t elementBytes) {
  NewVector what;
  what.capacityBytes = kVectorFirstCellOffset + (1 << 20);
  what.elementBytes = elementBytes;
  what.type = "test";
  CHECK(createVectorFile(check::pathOf(name), what).ok());
  CHECK(createVectorFile(check::pathOf(name), what).code == Code::kExists);
  return check::pathOf(name);
}

void open(VectorFile& file, const std::string& path) {
  VectorOpening opening;
  CHECK(file.open(path, "test", {}, &opening).ok());
}

uint64_t sizeOf(const VectorFile& file) {
  uint64_t size = ~uint64_t{0};
  CHECK(VectorCore<>(file.memory(), file.slot()).size(&size).ok());
  return size;
}

}  // namespace

TEST(bucketsLieEndToEnd) {
  uint64_t index = 0;
  for (uint32_t bucket = 0; bucket < 40; bucket++) {
    CHECK(bucketOf(index).bucket == bucket && bucketOf(index).firstIndex == index);
    index += bucketElements(bucket);
    CHECK(bucketOf(index - 1).bucket == bucket);
  }
}

TEST(everyWidthKeepsItsElements) {
  for (uint32_t bytes : {1u, 2u, 4u, 8u}) {
    VectorFile file;
    open(file, create(("width" + std::to_string(bytes)).c_str(), bytes));
    VectorCore<> core(file.memory(), file.slot());
    const uint64_t mask = bytes == 8 ? ~uint64_t{0} : (uint64_t{1} << bytes * 8) - 1;
    uint64_t index = 0, value = 0;
    for (uint64_t i = 0; i < 5000; i++) {
      const uint64_t element = (i * 0x9e37'79b9'7f4a'7c15ull) & mask;
      CHECK(core.push(&element, 1, &index).ok() && index == i);
    }
    Outcome outcome = Outcome::kAbsent;
    for (uint64_t i = 0; i < 5000; i++) {
      CHECK(core.get(i, &value) && value == ((i * 0x9e37'79b9'7f4a'7c15ull) & mask));
      CHECK(core.compareAndSet(i, value, ~value & mask, &outcome).ok());
      CHECK(outcome == Outcome::kDone);
    }
    CHECK(!core.get(5000, &value) && core.pop(&value, &outcome).ok());
    CHECK(value == (~(4999 * 0x9e37'79b9'7f4a'7c15ull) & mask) && sizeOf(file) == 4999);
  }
}

TEST(batchesAreWholeAndStopAtTheCapacity) {
  VectorFile file;
  open(file, create("batches", 8));
  VectorCore<> core(file.memory(), file.slot());
  uint64_t values[kVectorBatchLimit], index = 0, value = 0;
  for (uint64_t i = 0; i < kVectorBatchLimit; i++) values[i] = i;
  uint64_t size = 0;
  while (size + kVectorBatchLimit <= (1 << 16)) {
    CHECK(core.push(values, kVectorBatchLimit, &index).ok() && index == size);
    size += kVectorBatchLimit;
  }
  CHECK(core.push(values, kVectorBatchLimit, &index).code == Code::kRegionFull);
  CHECK(sizeOf(file) == size && core.get(size - 1, &value) && value == kVectorBatchLimit - 1);
  CHECK(core.providedElements() >= size && core.reserve(1 << 16).ok());
  CHECK(core.providedElements() == 1 << 16);
}

TEST(whatIsFlushedIsThereAgain) {
  const std::string path = create("flushed", 4);
  {
    VectorFile file;
    open(file, path);
    VectorCore<> core(file.memory(), file.slot());
    uint64_t index = 0;
    for (uint64_t i = 0; i < 100; i++) CHECK(core.push(&i, 1, &index).ok());
    CHECK(file.flush().ok() && file.flush().ok());
  }
  VectorFile file, other;
  open(file, path);
  open(other, path);
  CHECK(sizeOf(file) == 100 && file.slot() == 0 && other.slot() == 1);
}

TEST(aWaitEnds) {
  VectorFile file;
  open(file, create("wait", 2));
  const std::atomic<bool> cancelled{false}, given{true};
  bool reached = true;
  CHECK(waitForSize(file.memory(), file.slot(), 1, given, &reached).ok());
  CHECK(!reached);
  CHECK(waitForSize(file.memory(), file.slot(), 0, cancelled, &reached).ok());
  CHECK(reached);
}

int main() { return check::runAll(); }
