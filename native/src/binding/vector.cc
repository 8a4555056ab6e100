#include "binding/vector.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <unordered_map>

#include "binding/background.h"
#include "binding/environment.h"
#include "binding/status.h"
#include "core/thread.h"
#include "core/vector/vector-file.h"
#include "core/vector/wait.h"

namespace rstore {
namespace {

/// One call of waitForSize, on a thread of its own.
struct Wait {
  std::shared_ptr<VectorFile> file;
  uint64_t size = 0;
  std::atomic<bool> cancelled{false};
  Status status;
  bool reached = false;
  Napi::ThreadSafeFunction tell;
  Thread thread;

  void cancel() {
    cancelled.store(true, std::memory_order_seq_cst);
    file->wakeAll();
  }

  void run() {
    status = waitForSize(file->memory(), file->slot(), size, cancelled, &reached);
    const auto call = [this](Napi::Env env, Napi::Function callback) {
      callback.Call({Napi::Number::New(env, pack(status)), Napi::Boolean::New(env, reached)});
    };
    // When the environment is closing, the function is not ours any more.
    if (tell.NonBlockingCall(call) != napi_closing) tell.Release();
  }
};

/// A handle. Operations take no arguments and return nothing: both are in the VectorCall block,
/// which costs a store instead of a conversion. They are plain functions that carry the handle, and
/// must not outlive it in JavaScript.
class VectorObject : public Napi::ObjectWrap<VectorObject>, public Closable {
 public:
  static void registerClass(Napi::Env env, Napi::Object exports);
  explicit VectorObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<VectorObject>(info) {}
  ~VectorObject() override { closeNow(); }

  void closeForExit() override { closeNow(); }

 private:
  Napi::Value open(const Napi::CallbackInfo& info);
  Napi::Value window(const Napi::CallbackInfo& info);
  Napi::Value flush(const Napi::CallbackInfo& info);
  Napi::Value wait(const Napi::CallbackInfo& info);
  void cancelWait(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  Napi::Object describe(Napi::Env env, const VectorOpening& opening);
  Napi::Value expose(Napi::Env env, void* from, size_t bytes);
  void closeNow();
  void finishWaits();

  template <Status (VectorObject::*Operation)()>
  Napi::Function bare(Napi::Env env);
  template <Status (VectorObject::*Operation)()>
  static napi_value run(napi_env env, napi_callback_info info);

  Status push();
  Status pop();
  Status set();
  Status compareAndSet();
  Status size();
  Status provided();
  Status reserve();
  Status pushMany();
  Status copyOut();

  VectorCall& call() { return file_->mapping()->call; }
  VectorCore<> core() { return {file_->memory(), file_->slot()}; }
  Status found(Status status, Outcome outcome);

  std::shared_ptr<VectorFile> file_;
  std::unordered_map<uint32_t, std::shared_ptr<Wait>> waits_;
  uint32_t nextWait_ = 1;
  std::byte* bytes_ = nullptr;  // of the typed array that pushMany or copyOut was given
  size_t bytesLength_ = 0;
  napi_typedarray_type bytesType_ = napi_uint8_array;
};

// ── opening and closing ──

Napi::Value VectorObject::open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto file = std::make_shared<VectorFile>();
  VectorOpening opening;
  VectorOptions options;
  options.acceptUnflushed = info[2].As<Napi::Boolean>().Value();
  options.timeoutMs = info[3].As<Napi::Number>().Int64Value();
  const Status status = file->open(info[0].As<Napi::String>().Utf8Value(),
                                   info[1].As<Napi::String>().Utf8Value(), options, &opening);
  auto result = describe(env, opening);
  result.Set("status", pack(status));
  if (!status.ok()) return result;
  file_ = std::move(file);
  Environment::of(env).opened(this);
  result.Set("control", expose(env, &file_->mapping()->control, sizeof(ControlBlock)));
  result.Set("call", expose(env, &file_->mapping()->call, sizeof(VectorCall)));
  result.Set("capacity", static_cast<double>(file_->memory().capacityElements));
  result.Set("push", bare<&VectorObject::push>(env));
  result.Set("pop", bare<&VectorObject::pop>(env));
  result.Set("set", bare<&VectorObject::set>(env));
  result.Set("compareAndSet", bare<&VectorObject::compareAndSet>(env));
  result.Set("size", bare<&VectorObject::size>(env));
  result.Set("provided", bare<&VectorObject::provided>(env));
  result.Set("reserve", bare<&VectorObject::reserve>(env));
  result.Set("pushMany", bare<&VectorObject::pushMany>(env));
  result.Set("copyOut", bare<&VectorObject::copyOut>(env));
  return result;
}

Napi::Object VectorObject::describe(Napi::Env env, const VectorOpening& opening) {
  auto result = Napi::Object::New(env);
  result.Set("storedType", opening.storedType);
  result.Set("typeDiffers", opening.typeDiffers);
  result.Set("unflushed", opening.unflushed);
  result.Set("recovered", opening.recovered);
  result.Set("flushedSize", static_cast<double>(opening.flushedSize));
  result.Set("foundSize", static_cast<double>(opening.foundSize));
  return result;
}

/// An ArrayBuffer that keeps the mapping alive.
Napi::Value VectorObject::expose(Napi::Env env, void* from, size_t bytes) {
  return Napi::ArrayBuffer::New(env, from, bytes,
                                [mapping = file_->mapping()](Napi::Env, void*) {});
}

/// window(index, bytes): the cells from index * WINDOW_BYTES on, at most so many bytes.
Napi::Value VectorObject::window(const Napi::CallbackInfo& info) {
  const VectorMapping& mapping = *file_->mapping();
  const uint64_t from = info[0].As<Napi::Number>().Int64Value() * kWindowBytes;
  const auto most = static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value());
  const uint64_t bytes = std::min({mapping.cellsBytes() - from, most, uint64_t{kWindowBytes}});
  return expose(info.Env(), mapping.cells() + from, bytes);
}

void VectorObject::close(const Napi::CallbackInfo&) { closeNow(); }

void VectorObject::closeNow() {
  if (!file_) return;
  const Napi::Env env = Env();
  finishWaits();
  Environment::of(env).closed(this);
  file_.reset();
}

// ── operations ──

template <Status (VectorObject::*Operation)()>
Napi::Function VectorObject::bare(Napi::Env env) {
  napi_value function = nullptr;
  napi_create_function(env, nullptr, 0, run<Operation>, this, &function);
  return Napi::Function(env, function);
}

size_t elementBytesOf(napi_typedarray_type type) {
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array: return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array: return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array: return 8;
    default: return 1;
  }
}

/// The optional argument is the typed array of pushMany and copyOut.
template <Status (VectorObject::*Operation)()>
napi_value VectorObject::run(napi_env env, napi_callback_info info) {
  constexpr bool kTakesBytes =
      Operation == &VectorObject::pushMany || Operation == &VectorObject::copyOut;
  size_t count = kTakesBytes ? 1 : 0;
  napi_value bytes = nullptr;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, kTakesBytes ? &bytes : nullptr, nullptr, &data);
  auto* self = static_cast<VectorObject*>(data);
  if (!self->file_) return nullptr;
  if constexpr (kTakesBytes) {
    napi_get_typedarray_info(env, bytes, &self->bytesType_, &self->bytesLength_,
                             reinterpret_cast<void**>(&self->bytes_), nullptr, nullptr);
    self->bytesLength_ *= elementBytesOf(self->bytesType_);
  }
  Status status = (self->*Operation)();
  // A page that the file could not give was replaced by one of our own: nothing seen here counts.
  const ControlBlock& control = self->file_->mapping()->control;
  const uint32_t fault = Memory::load32(control.fault, std::memory_order_acquire);
  if (fault != 0) status = failure(fault & kFaultNoSpace ? Code::kNoSpace : Code::kIo);
  self->call().code = static_cast<uint32_t>(status.code);
  self->call().error = static_cast<uint32_t>(status.error);
  return nullptr;
}

Status VectorObject::found(Status status, Outcome outcome) {
  call().found = outcome == Outcome::kDone ? 1 : 0;
  return status;
}

/// Whole numbers from 0 on; those that no 64 bits hold are beyond every capacity, too.
uint64_t indexIn(double number) {
  return number < 0x1p63 ? static_cast<uint64_t>(number) : ~uint64_t{0};
}

double asDouble(uint64_t bits) { return std::bit_cast<double>(bits); }
uint64_t asBits(double number) { return std::bit_cast<uint64_t>(number); }

Status VectorObject::push() {
  uint64_t index = 0;
  const Status status = core().push(&call().value, 1, &index);
  call().index = asBits(static_cast<double>(index));
  return status;
}

Status VectorObject::pop() {
  Outcome outcome = Outcome::kAbsent;
  const Status status = core().pop(&call().value, &outcome);
  return found(status, outcome);
}

Status VectorObject::set() {
  Outcome outcome = Outcome::kAbsent;
  const Status status = core().set(indexIn(asDouble(call().index)), call().value, &outcome);
  return found(status, outcome);
}

/// found: 1 swapped, 0 no such element, 2 another element.
Status VectorObject::compareAndSet() {
  Outcome outcome = Outcome::kAbsent;
  const Status status = core().compareAndSet(indexIn(asDouble(call().index)), call().expected,
                                             call().value, &outcome);
  call().found = outcome == Outcome::kDone ? 1 : outcome == Outcome::kDifferent ? 2 : 0;
  return status;
}

Status VectorObject::size() {
  uint64_t size = 0;
  const Status status = core().size(&size);
  call().index = asBits(static_cast<double>(size));
  return status;
}

Status VectorObject::provided() {
  call().index = asBits(static_cast<double>(core().providedElements()));
  return kSuccess;
}

Status VectorObject::reserve() { return core().reserve(indexIn(asDouble(call().index))); }

template <class Element>
void widenFrom(const std::byte* from, uint64_t* to, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    Element element;
    memcpy(&element, from + i * sizeof element, sizeof element);
    to[i] = element;
  }
}

/// As widenFrom. All NaN become the one that JavaScript stores: they are compared as bits.
template <class Float, class Bits>
void widenFloats(const std::byte* from, uint64_t* to, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    Float element;
    memcpy(&element, from + i * sizeof element, sizeof element);
    if (element != element) element = std::numeric_limits<Float>::quiet_NaN();
    to[i] = std::bit_cast<Bits>(element);
  }
}

/// Elements of 1, 2, 4 or 8 bytes, zero-extended; `type` is that of the array they are in.
void widen(const std::byte* from, napi_typedarray_type type, uint32_t elementBytes, uint64_t* to,
           uint32_t count) {
  if (type == napi_float64_array) return widenFloats<double, uint64_t>(from, to, count);
  if (type == napi_float32_array) return widenFloats<float, uint32_t>(from, to, count);
  switch (elementBytes) {
    case 1: return widenFrom<uint8_t>(from, to, count);
    case 2: return widenFrom<uint16_t>(from, to, count);
    case 4: return widenFrom<uint32_t>(from, to, count);
    default: return widenFrom<uint64_t>(from, to, count);
  }
}

/// All elements of the array, in batches; `count` of them were appended, `index` is the first's.
Status VectorObject::pushMany() {
  const uint32_t elementBytes = file_->elementBytes();
  const uint64_t total = bytesLength_ / elementBytes;
  VectorCore<> vector = core();
  uint64_t values[kVectorBatchLimit];
  uint64_t done = 0;
  Status status;
  while (done < total && status.ok()) {
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(total - done, kVectorBatchLimit));
    widen(bytes_ + done * elementBytes, bytesType_, elementBytes, values, count);
    uint64_t index = 0;
    status = vector.push(values, count, &index);
    if (done == 0) call().index = asBits(static_cast<double>(index));
    if (status.ok()) done += count;
  }
  call().count = asBits(static_cast<double>(done));
  return status;
}

/// How many of the elements from `first` on are there, at most `length`, and copies of them.
template <class Element>
uint64_t copyElements(const VectorCore<>& from, uint64_t first, uint64_t length, std::byte* to) {
  uint64_t i = 0;
  for (uint64_t value = 0; i < length && from.read(first + i, &value); i++) {
    const auto element = static_cast<Element>(value);
    memcpy(to + i * sizeof element, &element, sizeof element);
  }
  return i;
}

/// Elements from `index` on, below a size there has been, up to the first not there: `count`.
Status VectorObject::copyOut() {
  const uint32_t elementBytes = file_->elementBytes();
  const uint64_t first = indexIn(asDouble(call().index));
  const auto copy = elementBytes == 1   ? copyElements<uint8_t>
                    : elementBytes == 2 ? copyElements<uint16_t>
                    : elementBytes == 4 ? copyElements<uint32_t>
                                        : copyElements<uint64_t>;
  const uint64_t copied = copy(core(), first, bytesLength_ / elementBytes, bytes_);
  call().count = asBits(static_cast<double>(copied));
  return kSuccess;
}

// ── what takes long ──

Napi::Value VectorObject::flush(const Napi::CallbackInfo& info) {
  return inBackground(info.Env(), [file = file_] { return file->flush(); });
}

/// wait(size, callback(status, reached)): a number for cancelWait, or a status, negated.
Napi::Value VectorObject::wait(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto wait = std::make_shared<Wait>();
  wait->file = file_;
  wait->size = indexIn(info[0].As<Napi::Number>().DoubleValue());
  wait->tell = Napi::ThreadSafeFunction::New(
      env, info[1].As<Napi::Function>(), "rstore waitForSize", 0, 1,
      // Keeps the Wait until its last call was made, or the environment ends before.
      [wait](Napi::Env) {
        if (wait->thread.isRunning()) wait->cancel();
        wait->thread.join();
      });
  const Status started = wait->thread.start([self = wait.get()] { self->run(); });
  if (!started.ok()) {
    wait->tell.Release();
    return Napi::Number::New(env, -pack(started));
  }
  waits_.emplace(nextWait_, wait);
  return Napi::Number::New(env, nextWait_++);
}

/// Also called when a wait has ended by itself: forgets it.
void VectorObject::cancelWait(const Napi::CallbackInfo& info) {
  const auto found = waits_.find(info[0].As<Napi::Number>().Uint32Value());
  if (found == waits_.end()) return;
  found->second->cancel();
  waits_.erase(found);
}

void VectorObject::finishWaits() {
  for (auto& [id, wait] : waits_) wait->cancel();
  for (auto& [id, wait] : waits_) wait->thread.join();
  waits_.clear();
}

// ── the module ──

void VectorObject::registerClass(Napi::Env env, Napi::Object exports) {
  exports.Set("Vector", DefineClass(env, "Vector",
                                    {
                                        InstanceMethod<&VectorObject::open>("open"),
                                        InstanceMethod<&VectorObject::window>("window"),
                                        InstanceMethod<&VectorObject::flush>("flush"),
                                        InstanceMethod<&VectorObject::wait>("wait"),
                                        InstanceMethod<&VectorObject::cancelWait>("cancelWait"),
                                        InstanceMethod<&VectorObject::close>("close"),
                                    }));
}

/// createVector(path, capacityBytes of the cells, elementBytes, type, mode): a packed status.
Napi::Value createVector(const Napi::CallbackInfo& info) {
  constexpr uint64_t kUnit = 64 * 1024;
  const auto cells = static_cast<uint64_t>(info[1].As<Napi::Number>().DoubleValue());
  NewVector what;
  what.capacityBytes = std::min((cells + kVectorFirstCellOffset + kUnit - 1) / kUnit * kUnit,
                                uint64_t{kMaximumCapacityBytes});
  what.elementBytes = info[2].As<Napi::Number>().Uint32Value();
  what.type = info[3].As<Napi::String>().Utf8Value();
  what.mode = info[4].As<Napi::Number>().Uint32Value();
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  return packedStatus(info.Env(), createVectorFile(path, what));
}

}  // namespace

void registerVector(Napi::Env env, Napi::Object exports) {
  VectorObject::registerClass(env, exports);
  exports.Set("createVector", Napi::Function::New<createVector>(env));
}

}  // namespace rstore
