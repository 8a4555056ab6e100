#include "binding/arena.h"

#include <cerrno>
#include <memory>
#include <vector>

#include "binding/environment.h"
#include "core/address-space.h"
#include "core/arena/arena.h"
#include "core/io.h"
#include "core/producers/lines.h"
#include "core/producers/numbers.h"
#include "core/producers/source.h"

namespace rstore {
namespace {

double pack(Status status) {
  return static_cast<double>(static_cast<uint32_t>(status.code)) + 256.0 * status.error;
}

Napi::Value number(Napi::Env env, uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

uint64_t argument(const Napi::CallbackInfo& info, size_t index) {
  return static_cast<uint64_t>(info[index].As<Napi::Number>().Int64Value());
}

std::byte* memoryAt(const Napi::CallbackInfo& info, size_t index) {
  auto* base = reinterpret_cast<std::byte*>(info[index].As<Napi::Uint8Array>().Data());
  return base + argument(info, index + 1);
}

// ── the arena ──

class ArenaObject : public Napi::ObjectWrap<ArenaObject>, public Closable {
 public:
  static void registerClass(Napi::Env env, Napi::Object exports);

  explicit ArenaObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<ArenaObject>(info), arena_(std::make_unique<Arena>()) {
    Environment::of(info.Env()).opened(this);
  }

  ~ArenaObject() override {
    if (arena_) Environment::of(Env()).closed(this);
  }

  /// No JavaScript runs any more: the memory may go from under its buffers.
  void closeForExit() override {
    buffers_.clear();
    arena_.reset();
  }

 private:
  Napi::Value take(const Napi::CallbackInfo& info);
  void give(const Napi::CallbackInfo& info);
  Napi::Value segment(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);

  std::unique_ptr<Arena> arena_;
  std::vector<Napi::Reference<Napi::ArrayBuffer>> buffers_;
};

constexpr uint64_t kSegmentUnit = uint64_t{1} << 32;

/// take(bytes): segment * 2^32 + offset of the run, or minus the packed status.
Napi::Value ArenaObject::take(const Napi::CallbackInfo& info) {
  Run run;
  const Status taken = arena_->take(argument(info, 0), &run);
  if (!taken.ok()) return Napi::Number::New(info.Env(), -pack(taken));
  const auto offset = static_cast<uint64_t>(run.base - arena_->segment(run.segment).base);
  return number(info.Env(), run.segment * kSegmentUnit + offset);
}

/// give(what take gave, bytes)
void ArenaObject::give(const Napi::CallbackInfo& info) {
  if (!arena_) return;
  const uint64_t place = argument(info, 0);
  const uint32_t sizeClass = Arena::classFor(argument(info, 1));
  arena_->give(
      arena_->runAt(static_cast<uint32_t>(place / kSegmentUnit), place % kSegmentUnit, sizeClass));
}

/// segment(index): its buffer, the same each time.
Napi::Value ArenaObject::segment(const Napi::CallbackInfo& info) {
  const uint64_t index = argument(info, 0);
  while (buffers_.size() <= index) {
    const Reservation memory = arena_->segment(buffers_.size());
    auto buffer =
        Napi::ArrayBuffer::New(info.Env(), memory.base, memory.bytes, [](Napi::Env, void*) {});
    buffers_.push_back(Napi::Reference<Napi::ArrayBuffer>::New(buffer, 1));
  }
  return buffers_[index].Value();
}

Napi::Value ArenaObject::stats(const Napi::CallbackInfo& info) {
  auto result = Napi::Object::New(info.Env());
  result.Set("takenRuns", number(info.Env(), arena_->takenRuns()));
  result.Set("takenBytes", number(info.Env(), arena_->takenBytes()));
  result.Set("warmBytes", number(info.Env(), arena_->warmBytes()));
  result.Set("segments", number(info.Env(), arena_->segmentCount()));
  return result;
}

void ArenaObject::registerClass(Napi::Env env, Napi::Object exports) {
  exports.Set("Arena", DefineClass(env, "Arena",
                                   {
                                       InstanceMethod<&ArenaObject::take>("take"),
                                       InstanceMethod<&ArenaObject::give>("give"),
                                       InstanceMethod<&ArenaObject::segment>("segment"),
                                       InstanceMethod<&ArenaObject::stats>("stats"),
                                   }));
  exports.Set("systemPageBytes", number(env, systemPageBytes()));
  exports.Set("guardMarkers", Napi::Boolean::New(env, bestGuardMeans() == GuardMeans::kMarker));
}

// ── producers ──

/// What both producers share: a source that is named at each call, and where it stopped.
class ProducerBase {
 protected:
  /// The last argument: a Uint8Array or a descriptor.
  ByteSource& sourceOf(const Napi::Value& value);
  template <typename Producer>
  Napi::Value finish(Napi::Env env, const Producer& producer, Stop stop, uint64_t count,
                     Status status);

 private:
  std::unique_ptr<ByteSource> source_;
};

ByteSource& ProducerBase::sourceOf(const Napi::Value& value) {
  if (value.IsNumber()) {
    if (!source_) {
      source_ =
          std::make_unique<ByteSource>(ByteSource::ofFile(value.As<Napi::Number>().Int32Value()));
    }
    return *source_;
  }
  const auto array = value.As<Napi::Uint8Array>();
  const auto* bytes = reinterpret_cast<const std::byte*>(array.Data());
  if (!source_) {
    source_ = std::make_unique<ByteSource>(ByteSource::ofMemory(bytes, array.ByteLength()));
  }
  source_->moveTo(bytes);
  return *source_;
}

template <typename Producer>
Napi::Value ProducerBase::finish(Napi::Env env, const Producer& producer, Stop stop, uint64_t count,
                                 Status status) {
  auto result = Napi::Object::New(env);
  result.Set("stop", static_cast<double>(stop));
  result.Set("count", number(env, count));
  result.Set("status", pack(status));
  result.Set("line", number(env, producer.line()));
  result.Set("column", number(env, producer.column()));
  result.Set("offset", number(env, producer.offset()));
  return result;
}

class NumberParserObject : public Napi::ObjectWrap<NumberParserObject>, ProducerBase {
 public:
  static void registerClass(Napi::Env env, Napi::Object exports) {
    exports.Set("NumberParser",
                DefineClass(env, "NumberParser",
                            {
                                InstanceMethod<&NumberParserObject::run>("run"),
                                InstanceMethod<&NumberParserObject::putBack>("putBack"),
                            }));
  }
  /// new NumberParser(kind, code of the delimiter)
  explicit NumberParserObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<NumberParserObject>(info),
        parser_(static_cast<NumberKind>(argument(info, 0)), static_cast<char>(argument(info, 1))) {}

 private:
  /// run(source, buffer, first byte, guard)
  Napi::Value run(const Napi::CallbackInfo& info) {
    ByteSource& source = sourceOf(info[0]);
    std::byte* to = memoryAt(info, 1);
    std::byte* guard = to + (argument(info, 3) - argument(info, 2));
    const auto [stop, count, status] = parser_.run(source, to, guard);
    auto result = finish(info.Env(), parser_, stop, count, status).As<Napi::Object>();
    if (stop != Stop::kEnd && stop != Stop::kGuard) {
      result.Set("field",
                 Napi::Buffer<char>::Copy(info.Env(), parser_.field(), parser_.fieldBytes()));
    }
    return result;
  }
  /// putBack(source): null, or what was read ahead and could not be put back.
  Napi::Value putBack(const Napi::CallbackInfo& info) {
    if (sourceOf(info[0]).putBack(parser_.restBytes())) return info.Env().Null();
    return Napi::Buffer<char>::Copy(info.Env(), parser_.rest(), parser_.restBytes());
  }

  NumberParser parser_;
};

class LineSplitterObject : public Napi::ObjectWrap<LineSplitterObject>, ProducerBase {
 public:
  static void registerClass(Napi::Env env, Napi::Object exports) {
    exports.Set("LineSplitter",
                DefineClass(env, "LineSplitter",
                            {
                                InstanceMethod<&LineSplitterObject::run>("run"),
                                InstanceMethod<&LineSplitterObject::putBack>("putBack"),
                            }));
  }
  /// new LineSplitter(whether lines must be UTF-8)
  explicit LineSplitterObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<LineSplitterObject>(info),
        splitter_(info[0].As<Napi::Boolean>().Value()) {}

 private:
  /// run(source, chunk buffer, first byte of it, used, bytes, span buffer, first span, guard)
  Napi::Value run(const Napi::CallbackInfo& info) {
    ByteSource& source = sourceOf(info[0]);
    const LineSplitter::Chunk chunk = {memoryAt(info, 1), argument(info, 3), argument(info, 4)};
    std::byte* to = memoryAt(info, 5);
    std::byte* guard = to + (argument(info, 7) - argument(info, 6));
    const auto [stop, count, status] =
        splitter_.run(source, chunk, reinterpret_cast<TextSpan*>(to), guard);
    auto result = finish(info.Env(), splitter_, stop, count, status).As<Napi::Object>();
    result.Set("used", number(info.Env(), splitter_.usedBytes()));
    result.Set("carried", number(info.Env(), splitter_.restBytes()));
    return result;
  }
  Napi::Value putBack(const Napi::CallbackInfo& info) {
    if (sourceOf(info[0]).putBack(splitter_.restBytes())) return info.Env().Null();
    return Napi::Buffer<char>::Copy(info.Env(), reinterpret_cast<const char*>(splitter_.rest()),
                                    splitter_.restBytes());
  }

  LineSplitter splitter_;
};

// ── memory of regions ──

/// readInto(descriptor, buffer, first byte, bytes): read(2); what it gave, or minus an errno. Where
/// the kernel answers EFAULT, pages of a region that are not there yet are touched, and it is asked
/// again; at a guard it answers the same again.
Napi::Value readInto(const Napi::CallbackInfo& info) {
  std::byte* to = memoryAt(info, 1);
  const uint64_t bytes = argument(info, 3);
  const bool present = info[4].As<Napi::Boolean>().Value();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  int64_t got = readWaiting(fd, to, bytes);
  if (got == -EFAULT && present) {
    makePresent(to, bytes);
    got = readWaiting(fd, to, bytes);
  }
  return Napi::Number::New(info.Env(), static_cast<double>(got));
}

/// provide(buffer, first byte, bytes): pages for what will be written in a moment. A hint.
void provide(const Napi::CallbackInfo& info) {
  std::byte* first = memoryAt(info, 0);
  const uint64_t before = reinterpret_cast<uintptr_t>(first) % systemPageBytes();
  populatePages(first - before, before + argument(info, 2));
}

}  // namespace

void registerArena(Napi::Env env, Napi::Object exports) {
  ArenaObject::registerClass(env, exports);
  NumberParserObject::registerClass(env, exports);
  LineSplitterObject::registerClass(env, exports);
  exports.Set("readInto", Napi::Function::New<readInto>(env));
  exports.Set("provide", Napi::Function::New<provide>(env));
}

}  // namespace rstore
