// Sleeping until a vector has a size, across processes, on a futex in the file.
//
// A waiter loads the ticket, registers the size it wants (`awaitedSize` is the smallest one anybody
// wants), asks for the size, and sleeps while the ticket is what it was. A pusher applies its
// element, and when the size has reached `awaitedSize`, takes that back to 0, raises the ticket and
// wakes everyone; those who want more register again.
//
//  W1. No wake is lost: registration and the question for the size on the one side, application and
//      the load of `awaitedSize` on the other are sequentially consistent: one sees the other. A
//      registration that the pusher takes back was made by someone who had loaded the ticket before
//      it is raised.
//  W2. A pusher may be killed between taking back and waking. A waiter therefore sleeps no longer
//      than kRecheckMs at a time: a backstop, not a poll. Asking for the size also completes a push
//      that nobody else is there to complete.
//  W3. A dead waiter leaves nothing but a registration, which the first push beyond it takes back.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/status.h"
#include "core/vector/algorithm.h"

namespace rstore {

constexpr int64_t kRecheckMs = 250;

/// Blocks the calling thread until there are so many elements (`*reached`). Ends soon after
/// `cancelled` is set and wakeSizeWaiters() called.
Status waitForSize(const VectorMemory& memory, uint32_t slot, uint64_t size,
                   const std::atomic<bool>& cancelled, bool* reached);

void wakeSizeWaiters(VectorWords& words);

}  // namespace rstore
