// An atomic look at a word of a mapped layout.
#pragma once

#include <atomic>

namespace rstore {

template <typename T>
inline std::atomic<T>& atomicWord(T& word) {
  static_assert(sizeof(std::atomic<T>) == sizeof(T) && std::atomic<T>::is_always_lock_free);
  return reinterpret_cast<std::atomic<T>&>(word);
}

}  // namespace rstore
