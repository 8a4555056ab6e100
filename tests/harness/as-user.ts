/** Being somebody else for a moment, where the process may. */

/** An id that nobody has. */
const STRANGER = 54_321

/** The rights of a user and of one group from now on; gives what ends that. */
function become(id: number, groupId: number): () => void {
  const [user, group, others] = [process.geteuid!(), process.getegid!(), process.getgroups!()]
  process.setgroups!([])
  process.setegid!(groupId)
  process.seteuid!(id)
  return () => {
    process.seteuid!(user)
    process.setegid!(group)
    process.setgroups!(others)
  }
}

/** Runs `fn` with the rights of a user and of one group: that of the same number. */
export function asUser<R>(id: number, fn: () => R, groupId = id): R {
  const end = become(id, groupId)
  try {
    return fn()
  } finally {
    end()
  }
}

/** The same until what `fn` promises is there. */
export async function whileUser(id: number, fn: () => Promise<void>, groupId = id): Promise<void> {
  const end = become(id, groupId)
  try {
    await fn()
  } finally {
    end()
  }
}

/** Not for users, and not for a root who is one only in a container of a single user. */
export function mayBeOthers(): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    return asUser(STRANGER, () => process.geteuid!() === STRANGER)
  } catch {
    return false
  }
}
