/** Loaded before the program: standard output is a terminal. */
process.stdout.isTTY = true
