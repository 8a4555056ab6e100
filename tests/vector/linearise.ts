/** Whether a history of vector operations is linearisable: Wing and Gong's search. */

export interface Operation {
  readonly kind: 'push' | 'pop' | 'get' | 'set' | 'swap' | 'size'
  readonly index: number
  readonly value: number
  readonly expected: number
  /** Index of a push, element of a pop or get, whether set or swap did it, or the size. */
  readonly result: number | boolean | null
  /** Nanoseconds of the same clock for all threads and processes. */
  readonly called: number
  readonly returned: number
}

/** The vector after the operation, or undefined when it cannot have had this result. */
function apply(operation: Operation, state: readonly number[]): readonly number[] | undefined {
  const { kind, index, value, expected, result } = operation
  const there = index < state.length
  switch (kind) {
    case 'push': return result === state.length ? [...state, value] : undefined
    case 'pop': return (state.at(-1) ?? null) === result ? state.slice(0, -1) : undefined
    case 'get': return (state[index] ?? null) === result ? state : undefined
    case 'size': return result === state.length ? state : undefined
    case 'set':
      if (there !== result) return undefined
      return there ? state.with(index, value) : state
    case 'swap':
      if ((there && state[index] === expected) !== result) return undefined
      return result ? state.with(index, value) : state
  }
}

/** Whether the operations lead from `before` to `after` in some order that real time allows. */
export function isLinearisable(
  operations: readonly Operation[], before: readonly number[], after: readonly number[],
): boolean {
  const tried = new Set<string>()
  const done = new Array<boolean>(operations.length).fill(false)
  const search = (state: readonly number[], count: number): boolean => {
    if (count === operations.length) return String(state) === String(after)
    const key = `${done.map(Number).join('')} ${state}`
    if (tried.has(key)) return false
    tried.add(key)
    const open = operations.filter((_, i) => !done[i])
    const bound = Math.min(...open.map(({ returned }) => returned))
    return operations.some((operation, i) => {
      if (done[i] || operation.called > bound) return false
      const next = apply(operation, state)
      if (next === undefined) return false
      done[i] = true
      const found = search(next, count + 1)
      done[i] = false
      return found
    })
  }
  return search(before, 0)
}
