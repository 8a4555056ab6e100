#include "binding/environment.h"

#include <algorithm>

namespace rstore {

namespace {

/// The largest capacity of a region.
constexpr uint64_t kPreparedBytes = uint64_t{32} << 30;
constexpr uint64_t kPairBytes = 2 * kWindowBytes;

/// The memory belongs to the reservation: the buffer only names it.
Napi::Reference<Napi::ArrayBuffer> bufferOver(Napi::Env env, std::byte* base, uint64_t bytes) {
  auto buffer = Napi::ArrayBuffer::New(env, base, bytes, [](Napi::Env, void*) {});
  return Napi::Reference<Napi::ArrayBuffer>::New(buffer, 1);
}

}  // namespace

Napi::Value PooledMemory::windowPair(Napi::Env env, size_t index) {
  if (index * kPairBytes >= memory.windowBytes) return env.Undefined();
  if (pairs_.size() <= index) pairs_.resize(index + 1);
  Napi::Reference<Napi::ArrayBuffer>& made = pairs_[index];
  if (made.IsEmpty()) {
    const uint64_t offset = index * kPairBytes;
    const uint64_t bytes = std::min(kPairBytes, memory.windowBytes - offset);
    made = bufferOver(env, memory.windows() + offset, bytes);
  }
  return made.Value();
}

Environment& Environment::of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

Environment::Environment(Napi::Env env) {
  napi_add_env_cleanup_hook(
      env, [](void* self) { static_cast<Environment*>(self)->closeAll(); }, this);
}

Environment::~Environment() { closeAll(); }

void Environment::closeAll() {
  while (!handles_.empty()) {
    Closable* handle = *handles_.begin();
    handles_.erase(handle);
    handle->closeForExit();
  }
}

void Environment::end(napi_env env) {
  void* data = nullptr;
  if (napi_get_instance_data(env, &data) != napi_ok || data == nullptr) return;
  auto* environment = static_cast<Environment*>(data);
  environment->ended_ = true;
  environment->numbered_.clear();
}

uint32_t Environment::number(HandleObject* handle) {
  if (ended_) return UINT32_MAX;
  const auto free = std::find(numbered_.begin(), numbered_.end(), nullptr);
  const auto number = static_cast<uint32_t>(free - numbered_.begin());
  if (free == numbered_.end()) {
    numbered_.push_back(handle);
  } else {
    *free = handle;
  }
  return number;
}

Status Environment::makeMemory(Napi::Env env, uint64_t windowBytes,
                               std::shared_ptr<PooledMemory>* out) {
  const uint64_t bytes = ViewMemory::reservationBytesFor(windowBytes);
  Reservation reservation;
  bool pooled = false;
  const Status taken = reservations_.take(bytes, &reservation, &pooled);
  if (!taken.ok()) return taken;
  if (pooled) {
    const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& entry) {
      return entry->memory.reservation.base == reservation.base;
    });
    *out = *found;
    idle_.erase(found);
    return kSuccess;
  }
  auto made = std::make_shared<PooledMemory>();
  made->memory.reservation = reservation;
  made->memory.windowBytes = windowBytes;
  made->lineBits = bufferOver(env, made->memory.lineBits(), ViewMemory::bitBytesFor(windowBytes));
  *out = std::move(made);
  return kSuccess;
}

Status Environment::takeMemory(Napi::Env env, uint64_t bytes, std::shared_ptr<PooledMemory>* out) {
  const uint64_t wanted = ViewMemory::windowBytesFor(bytes);
  uint64_t best = 0;
  for (const auto& entry : idle_) {
    const uint64_t there = entry->memory.windowBytes;
    if (there >= wanted && (best == 0 || there < best)) best = there;
  }
  return makeMemory(env, best == 0 ? wanted : best, out);
}

Status Environment::prepareMemory(Napi::Env env) {
  std::shared_ptr<PooledMemory> memory;
  if (const Status taken = makeMemory(env, kPreparedBytes, &memory); !taken.ok()) return taken;
  memory->windowPair(env, 0);
  giveMemory(std::move(memory));
  return kSuccess;
}

void Environment::giveMemory(std::shared_ptr<PooledMemory> memory) {
  if (reservations_.give(memory->memory.reservation).ok()) idle_.push_back(std::move(memory));
}

}  // namespace rstore
