/** Opens builders: which class builds arrays of which elements. */
import type { Ref } from '../space/ref.js'
import type { Session } from '../types/context.js'
import { refusePromise } from '../types/promise.js'
import type { AnyType } from '../types/type.js'
import type { FixedBuilder } from './fixed.js'
import { numberBuilders } from './numbers.js'
import { planOf, type ArrayBuilder, type BuilderOptions } from './plan.js'
import { SlotBuilder } from './slots.js'
import { SPAN_BYTES, TextBuilder } from './texts.js'

export type { ArrayBuilder, BuilderOptions } from './plan.js'

/**
 * A builder of an array of `element`. Throws a TypeError for elements that own cells other than
 * strings and bytes, and on wrong options; RSTORE_NO_MEMORY.
 */
export function createBuilder(
  session: Session, element: AnyType, options?: BuilderOptions,
): ArrayBuilder<any, any> {
  const builder = open(session, element, options).watched()
  session.endsWith(builder)
  return builder
}

function open(session: Session, element: AnyType, options?: BuilderOptions): FixedBuilder {
  session.enter()
  if (element.kind === 'string' || element.kind === 'bytes') {
    const { capacity } = planOf(options, SPAN_BYTES)
    return new TextBuilder(session, element, { capacity, io: capacity >= 0 })
  }
  if (element.owns) {
    throw new TypeError(`an array of ${element.kind} cannot be built by pushing: its elements have `
      + 'cells of their own. Collect them in an array and store that')
  }
  const plan = planOf(options, element.slotBytes)
  const Class = numberBuilders[element.kind]
  return Class === undefined
    ? new SlotBuilder(session, element, plan) : new Class(session, element, plan)
}

/**
 * Runs `build` with a builder and gives the array. Whenever `build` throws, or returns a promise,
 * nothing remains.
 */
export function buildArray(
  session: Session, element: AnyType, options: BuilderOptions | undefined,
  build: (builder: ArrayBuilder<any, any>) => void,
): Ref<any> {
  session.enterWrite()
  const builder = open(session, element, options)
  try {
    refusePromise(build(builder), 'buildArray(): the callback returned a promise, but it must be '
      + 'synchronous. Use arrayBuilder() to await in between')
    return builder.finish()
  } finally {
    builder[Symbol.dispose]()
  }
}
