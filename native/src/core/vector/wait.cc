#include "core/vector/wait.h"

#include <algorithm>

#include "core/atomic-word.h"
#include "core/futex.h"

namespace rstore {
namespace {

/// Lowers `awaitedSize` to `size`, where 0 stands for nobody.
void registerSize(uint64_t& awaited, uint64_t size) {
  for (;;) {
    const uint64_t seen = Memory::load64(awaited, std::memory_order_seq_cst);
    if (seen != 0 && seen <= size) return;
    if (Memory::compareExchange64(awaited, seen, size)) return;
  }
}

}  // namespace

Status waitForSize(const VectorMemory& memory, uint32_t slot, uint64_t size,
                   const std::atomic<bool>& cancelled, bool* reached) {
  VectorWords& words = *memory.words;
  VectorCore<> core(memory, slot);
  for (;;) {
    const uint32_t ticket = Memory::load32(words.sizeTicket, std::memory_order_seq_cst);
    registerSize(words.awaitedSize, std::max<uint64_t>(size, 1));
    uint64_t there = 0;
    if (const Status status = core.size(&there); !status.ok()) return status;
    *reached = there >= size;
    if (*reached || cancelled.load(std::memory_order_seq_cst)) return kSuccess;
    futexWait(atomicWord(words.sizeTicket), ticket, kRecheckMs);
  }
}

void wakeSizeWaiters(VectorWords& words) {
  const uint64_t awaited = Memory::load64(words.awaitedSize, std::memory_order_seq_cst);
  if (awaited != 0) (void)Memory::compareExchange64(words.awaitedSize, awaited, 0);
  auto& ticket = atomicWord(words.sizeTicket);
  ticket.fetch_add(1, std::memory_order_seq_cst);
  futexWake(ticket, kEverybody);
}

}  // namespace rstore
