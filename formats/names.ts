/** Names of files. */

/**
 * Whether an absolute path without trailing slashes is that of a log or of a lock file, which are
 * emptied and removed beside a region that has the rest of the name.
 */
export const isSideFileName = (path: string): boolean => /-(?:wal|lock)$/.test(path)
