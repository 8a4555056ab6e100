/** What verification begins with: a region file, or anything that says what its ground is. */
import { C } from '../../../formats/index.js'
import { STATE } from '../../space/allocation-words.js'
import { ContiguousSpace } from '../../space/contiguous-space.js'
import { OutboundList } from '../../space/outbound.js'
import { refOfPage } from '../../space/ref.js'
import { walkSpace } from '../../space/walk.js'
import { DescriptorCopies } from '../../types/descriptor-copies.js'
import type { Session } from '../../types/context.js'
import type { Catalog } from '../catalog.js'
import { Verifier } from './verifier.js'
import type { ExtraRoot, Ground, VerifyOptions, VerifyReport } from './verifier.js'

export type { ExtraRoot, Ground, Problem, VerifyOptions, VerifyReport } from './verifier.js'

/** See Region.verify. The session must show one epoch throughout: it is not left in between. */
export function verifySession(
  session: Session, catalog: Catalog, options: VerifyOptions = {}, roots: readonly ExtraRoot[] = [],
): VerifyReport {
  session.enter()
  const { space } = session
  if (!(space instanceof ContiguousSpace))
    throw new TypeError('only contiguous regions can be verified')
  return verifyGround(session, contiguousGround(session, space), catalog, options, roots)
}

function contiguousGround(session: Session, space: ContiguousSpace): Ground {
  const endUnits = session.writable
    ? space.frontierUnits
    : space.windows[0]!.u32[STATE.frontierUnits]!
  return {
    walk(visit) {
      const walk = walkSpace(space, endUnits, visit)
      return { ...walk, freeUnits: walk.freeUnits + walk.freePageUnits + walk.runUnits }
    },
    endUnits,
    isInside: (ref) => ref > 0 && ref < endUnits,
    types: refOfPage(C.TYPES_PAGE),
    copies: new DescriptorCopies(space),
    catalog: refOfPage(C.CATALOG_PAGE),
    catalogIsCell: false,
    outbound: new OutboundList(space),
    keepsUnnamed: false,
  }
}

/** The same of any kind of region. Without a catalog, names are not looked at. */
export function verifyGround(
  session: Session,
  ground: Ground,
  catalog: Catalog | undefined,
  options: VerifyOptions = {},
  roots: readonly ExtraRoot[] = [],
): VerifyReport {
  session.enter()
  const report = new Verifier(session, ground, catalog, options).run(roots)
  session.leave()
  return report
}
