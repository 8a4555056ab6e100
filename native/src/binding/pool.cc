#include "binding/pool.h"

#include <vector>

#include "binding/environment.h"
#include "binding/status.h"
#include "core/address-space.h"
#include "core/generated/layout.h"

namespace rstore {

namespace {

constexpr uint64_t kPoolWindows = 16;

/// 32 GiB of addresses in windows of 2 GiB, private to the thread, with no memory until it is
/// touched. A window becomes usable, and a buffer, when it is first asked for: a buffer of
/// gigabytes costs a full garbage collection. The addresses are given back when the environment
/// ends, after which no JavaScript runs.
class BlockMemory : public Napi::ObjectWrap<BlockMemory>, public Closable {
 public:
  static void registerClass(Napi::Env env, Napi::Object exports) {
    exports.Set("BlockMemory", DefineClass(env, "BlockMemory",
                                           {
                                               InstanceMethod<&BlockMemory::open>("open"),
                                               InstanceMethod<&BlockMemory::window>("window"),
                                               InstanceMethod<&BlockMemory::giveBack>("giveBack"),
                                           }));
  }
  explicit BlockMemory(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<BlockMemory>(info), windows_(kPoolWindows) {}
  /// A pool lives as long as its thread (lib/pool/pool.ts), so this comes after closeForExit.
  ~BlockMemory() override { end(); }
  void closeForExit() override { end(); }

 private:
  /// open(): the packed status.
  Napi::Value open(const Napi::CallbackInfo& info) {
    const Status status = reserveAddressSpace(kPoolWindows * kWindowBytes, &reservation_);
    if (status.ok()) Environment::of(info.Env()).opened(this);
    return packedStatus(info.Env(), status);
  }

  /// window(index): its buffer, zero where nobody has written; or the packed status.
  Napi::Value window(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const uint32_t index = info[0].As<Napi::Number>().Uint32Value();
    Napi::Reference<Napi::ArrayBuffer>& known = windows_.at(index);
    if (!known.IsEmpty()) return known.Value();
    std::byte* base = reservation_.base + index * kWindowBytes;
    const Status status = mapZero(base, kWindowBytes);
    if (!status.ok()) return packedStatus(env, status);
    auto buffer = Napi::ArrayBuffer::New(env, base, kWindowBytes, [](Napi::Env, void*) {});
    known = Napi::Reference<Napi::ArrayBuffer>::New(buffer, 1);
    return buffer;
  }

  /// giveBack(address, bytes): whole pages; they read as zero from now on.
  Napi::Value giveBack(const Napi::CallbackInfo& info) {
    const auto address = static_cast<uint64_t>(info[0].As<Napi::Number>().DoubleValue());
    const auto bytes = static_cast<uint64_t>(info[1].As<Napi::Number>().DoubleValue());
    return packedStatus(info.Env(), giveBackPages(reservation_.base + address, bytes));
  }

  void end() {
    if (reservation_.base == nullptr) return;
    Environment::of(Env()).closed(this);
    releaseAddressSpace(reservation_);
    reservation_ = {};
  }

  Reservation reservation_;
  std::vector<Napi::Reference<Napi::ArrayBuffer>> windows_;
};

}  // namespace

void registerPool(Napi::Env env, Napi::Object exports) { BlockMemory::registerClass(env, exports); }

}  // namespace rstore
