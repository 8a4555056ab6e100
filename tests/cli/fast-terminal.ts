/**
 * Loaded before the program: standard error is a terminal, and time runs a thousand times as fast,
 * so that whatever would show how far it is after a second does.
 */
const { now } = performance
performance.now = () => now.call(performance) * 1000
Object.assign(process.stderr, { isTTY: true, columns: 100 })
