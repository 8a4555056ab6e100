/** Records that no map owns: made, named by refs, freed. */
import { RStoreError } from '../errors.js'
import type { Ref } from '../space/ref.js'
import type { Session } from '../types/context.js'
import { refOfView } from '../types/ref/ref.js'
import { coreOfView } from '../types/struct/view.js'
import { show } from '../types/text.js'
import { typeFrom } from '../types/type.js'

/** A value in a cell of its own. See Region.alloc. */
export function alloc(session: Session, type: unknown, value: unknown): Ref {
  const own = typeFrom(type, 'alloc')
  session.enterWrite()
  const prepared = own.prepare(value, 'alloc', session)
  const ref = session.change(() => own.createCell(session, prepared))
  session.leave()
  return ref
}

function checkRef(session: Session, ref: unknown): asserts ref is number {
  if (typeof ref !== 'number' || !(ref > 0 && ref <= 0xffff_ffff) || ref % 1 !== 0) {
    throw new TypeError(`expected a Ref, as alloc() and refOf() give it, got ${show(ref)}`)
  }
  session.registry.checkLive(ref)
}

/** What a ref names, as the type that is stored with it. See Region.deref. */
export function deref(session: Session, ref: unknown): unknown {
  session.enter()
  checkRef(session, ref)
  const value = session.registry.typeOfCell(ref).readCell(session.lease, ref, undefined)
  session.leave()
  return value
}

/** See Region.refOf. */
export function refOf(session: Session, view: unknown): Ref {
  session.enter()
  const core = coreOfView(view)
  if (core === undefined)
    throw new TypeError(`refOf: expected a view of a record, got ${show(view)}`)
  if (core.lease.session.space !== session.space) {
    throw new RStoreError('RSTORE_FOREIGN_REF', 'refOf: the record is in another region')
  }
  const ref = refOfView(view)
  if (ref === 0)
    throw new TypeError(
      'refOf: the view is of a struct inside a record; only whole records have a Ref',
    )
  return ref as Ref
}

/** Frees a record that no map owns, with everything it owns. See Region.free. */
export function free(session: Session, ref: unknown): void {
  session.enterWrite()
  checkRef(session, ref)
  session.change(() => session.registry.typeOfCell(ref).freeCell(session, ref))
  session.unadopted.delete(ref)
  session.leave()
}
