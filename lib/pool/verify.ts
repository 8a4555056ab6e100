/** Verification of a block region: everything in it, and every byte that it has of its pool. */
import { OutboundList } from '../space/outbound.js'
import type { Ground } from '../map/verify/ground.js'
import type { VerifyOptions, VerifyReport } from '../map/verify/report.js'
import { verifyGround } from '../map/verify/verify.js'
import type { Catalog } from '../map/catalog.js'
import type { BlockSession } from './block-session.js'

/** Behind every ref. */
const END_UNITS = 2 ** 32

/**
 * `keepsUnnamed`: values that nothing in the region leads to are live, as the program may have
 * their refs; else they are leaked. `catalog` undefined: it has no names.
 */
export function verifyBlocks(
  session: BlockSession,
  catalog: Catalog | undefined,
  options: VerifyOptions = {},
  keepsUnnamed = true,
): VerifyReport {
  const { space, catalogRoot } = session
  const ground: Ground = {
    walk: (visit) => space.walk(({ ref, units, typeId }) => visit(ref, units, typeId)),
    endUnits: END_UNITS,
    isInside: (ref) => space.holds(ref),
    types: undefined,
    copies: undefined,
    catalog: catalogRoot === 0 ? undefined : catalogRoot,
    catalogIsCell: true,
    outbound: new OutboundList(space, space.outboundHead),
    keepsUnnamed,
  }
  return verifyGround(session, ground, catalog, options)
}
