// What one JavaScript environment (main thread or worker) owns: its open handles and its pool of
// windows.
//
// A buffer of gigabytes costs a full garbage collection to create, so there is one over every
// two windows (more than 4 GiB Node 20 does not allow), made when data first reaches it, kept
// and reused, and detached only when the environment ends. That collection takes as long as the
// heap is large: the buffer of one region of the default capacity is made when the library is
// imported. The cleanup hook closes every handle: a terminated worker would otherwise leave its
// descriptors, and with them its locks, open for as long as the process lives.
#pragma once

#include <memory>
#include <unordered_set>
#include <vector>

#include "binding/ending.h"
#include "core/address-space.h"
#include "core/view.h"

namespace rstore {

/// Address space of a view with the ArrayBuffers over it.
struct PooledMemory {
  ViewMemory memory;
  Napi::Reference<Napi::ArrayBuffer> lineBits;

  /// The buffer over two windows, made at the first call; undefined outside of the memory.
  Napi::Value windowPair(Napi::Env env, size_t index);

 private:
  std::vector<Napi::Reference<Napi::ArrayBuffer>> pairs_;  // empty where none was made yet
};

/// Something that must be closed before its environment ends.
class Closable {
 public:
  virtual ~Closable() = default;
  virtual void closeForExit() = 0;
};

class HandleObject;

class Environment {
 public:
  static Environment& of(Napi::Env env);
  explicit Environment(Napi::Env env);
  ~Environment();

  /// The smallest idle one in which so much fits, else a new one. `mapped` or `giveMemory` follows.
  Status takeMemory(Napi::Env env, uint64_t bytes, std::shared_ptr<PooledMemory>* out);
  /// One for a region of any capacity, with the buffer of the default one, kept idle.
  Status prepareMemory(Napi::Env env);
  void mapped(const PooledMemory& memory) { reservations_.mapped(memory.memory.reservation); }
  void giveMemory(std::shared_ptr<PooledMemory> memory);

  void opened(Closable* handle) { handles_.insert(handle); }
  void closed(Closable* handle) { handles_.erase(handle); }
  void closeAll();

  /// The latch of ending.h, E2; `env` may not have its data yet.
  static void end(napi_env env);
  bool hasEnded() const { return ended_; }

  /// The number by which JavaScript names an open handle in frequent-calls.cc; once this has ended
  /// one that names none.
  uint32_t number(HandleObject* handle);
  void forget(uint32_t number) {
    if (number < numbered_.size()) numbered_[number] = nullptr;
  }
  /// Null when there is none of this number.
  HandleObject* numbered(uint32_t number) const {
    return number < numbered_.size() ? numbered_[number] : nullptr;
  }

 private:
  Status makeMemory(Napi::Env env, uint64_t windowBytes, std::shared_ptr<PooledMemory>* out);

  ReservationPool reservations_;
  std::vector<std::shared_ptr<PooledMemory>> idle_;
  std::unordered_set<Closable*> handles_;
  std::vector<HandleObject*> numbered_;
  bool ended_ = false;
};

}  // namespace rstore
