// What SharedVector is measured against: an array of doubles in a shared file behind a robust
// pthread mutex, as an addon of its own, so that both pay the same for a call from JavaScript.
//
// open(path, bytes, Float64Array(1)): push() appends what is in the array. pushMany(Float64Array):
// all under one lock. size(). No growth and no checks but those of the mutex itself. Each thread
// has a mapping of its own, as each handle of a vector has.
#include <errno.h>
#include <fcntl.h>
#include <node_api.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>

namespace {

struct Shared {
  std::atomic<uint32_t> ready;
  alignas(64) pthread_mutex_t mutex;
  alignas(64) uint64_t size;
  alignas(64) double elements[];
};

thread_local Shared* shared = nullptr;
thread_local double* element = nullptr;

void initialize(Shared* made) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&made->mutex, &attributes);
  made->ready.store(1);
}

void lock() {
  if (pthread_mutex_lock(&shared->mutex) == EOWNERDEAD) pthread_mutex_consistent(&shared->mutex);
}

/// Whoever makes the file initializes it; the others wait for that.
napi_value openArray(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  char path[4096];
  size_t length = 0;
  double bytes = 0;
  napi_get_value_string_utf8(env, arguments[0], path, sizeof path, &length);
  napi_get_value_double(env, arguments[1], &bytes);
  napi_get_typedarray_info(env, arguments[2], nullptr, nullptr, reinterpret_cast<void**>(&element),
                           nullptr, nullptr);
  const int made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const int fd = made >= 0 ? made : open(path, O_RDWR | O_CLOEXEC);
  if (made >= 0 && ftruncate(fd, static_cast<off_t>(bytes)) != 0) return nullptr;
  void* at = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at == MAP_FAILED) return nullptr;
  shared = static_cast<Shared*>(at);
  if (made >= 0) initialize(shared);
  while (shared->ready.load() == 0) usleep(100);
  return nullptr;
}

napi_value push(napi_env, napi_callback_info) {
  lock();
  shared->elements[shared->size++] = *element;
  pthread_mutex_unlock(&shared->mutex);
  return nullptr;
}

napi_value pushMany(napi_env env, napi_callback_info info) {
  size_t count = 1, length = 0;
  napi_value array;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, &array, nullptr, nullptr);
  napi_get_typedarray_info(env, array, nullptr, &length, &data, nullptr, nullptr);
  lock();
  memcpy(shared->elements + shared->size, data, length * sizeof(double));
  shared->size += length;
  pthread_mutex_unlock(&shared->mutex);
  return nullptr;
}

napi_value size(napi_env env, napi_callback_info) {
  napi_value result;
  napi_create_double(env, static_cast<double>(shared->size), &result);
  return result;
}

void give(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

napi_value start(napi_env env, napi_value exports) {
  give(env, exports, "open", openArray);
  give(env, exports, "push", push);
  give(env, exports, "pushMany", pushMany);
  give(env, exports, "size", size);
  return exports;
}

}  // namespace

NAPI_MODULE(mutex_array, start)
