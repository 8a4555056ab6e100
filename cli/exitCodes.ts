/** What the process ends with. */
export const EXIT = Object.freeze({ ok: 0, damage: 1, usage: 2, cannotOpen: 3, busy: 4 })
