/**
 * Makes what from then on owns a resource, and closes it. When `make` throws, nobody would, and
 * the locks and descriptors of a file that turned out to be damaged would stay.
 */
export function owning<R extends { close(): void }, T>(resource: R, make: (resource: R) => T): T {
  try {
    return make(resource)
  } catch (error) {
    resource.close()
    throw error
  }
}
