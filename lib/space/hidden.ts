/**
 * Properties that nobody comes upon who looks through an object's properties, as a failed assertion
 * does: it prints a record with all that it is made of, however deep and however long. Arrays over
 * a region have gigabytes of elements, so that would end the process for want of memory.
 *
 * They are as fast as others: an engine that knows an object's shape does not ask what is hidden.
 */
export function hide(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: false })
}
