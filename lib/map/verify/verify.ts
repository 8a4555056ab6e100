/**
 * Verification: everything that can be reached from the names of a region, by the types stored with
 * it.
 *
 * First the space is walked, cell by cell; each live cell gets a bit. Then everything reachable is
 * walked, and each bit is taken:
 *
 *  Y1. What something owns (nodes, values, strings …) must have its bit: it is a live cell, and
 *      nobody else owns it.
 *  Y2. What a ref names may be owned by a map, or by nobody (`alloc`): so refs are looked at last,
 *      and those that still have their bit are walked like everything else.
 *  Y3. A cell must be of a type that can be read as what names it expects, and large enough for
 *      what it says it holds.
 *  Y4. An index must have exactly the entries that its map's records give.
 *  Y5. Live cells whose bit is left at the end are leaked: lost space, but no damage. Catalog and
 *      types are walked like the rest.
 *  Y6. Each value says whether something owns it (unowned.ts), and must be right. In a block region
 *      the program may hold refs that nothing in the region has: so there values that are left and
 *      have no owner are walked, too.
 *  Y7. A record that has moved owns the cells that it left, and each of them leads to where it went
 *      from there: a ref to one of them names the record.
 *
 * Damage is reported, never thrown, and nothing is followed that is not inside the space; what is
 * below damage is not looked at. Two bits for each 8 bytes of the region are 1/32 of its size.
 *
 * What is verified is a ground (ground.ts), and what is found goes to one place (report.ts). The
 * bits are live-cells.ts; trees.ts takes the nodes of any tree, and graph.ts everything below a
 * cell. What a region begins with is types.ts, names.ts with indexes.ts, and outbound.ts.
 */
import { ContiguousSpace } from '../../space/contiguous-space.js'
import type { Session } from '../../types/context.js'
import type { Catalog } from '../catalog.js'
import { Graph } from './graph.js'
import { contiguousGround, type ExtraRoot, type Ground } from './ground.js'
import { verifyNames } from './names.js'
import { verifyOutbound } from './outbound.js'
import type { VerifyOptions, VerifyReport } from './report.js'
import { verifyTypes } from './types.js'
import { workOn } from './work.js'

/** See Region.verify. The session must show one epoch throughout: it is not left in between. */
export function verifySession(
  session: Session, catalog: Catalog, options: VerifyOptions = {}, roots: readonly ExtraRoot[] = [],
): VerifyReport {
  session.enter()
  const { space } = session
  if (!(space instanceof ContiguousSpace))
    throw new TypeError('only contiguous regions can be verified')
  const ground = contiguousGround(space, session.writable)
  return verifyGround(session, ground, catalog, options, roots)
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
  const work = workOn(session, ground, options)
  const { cells, findings } = work
  const walk = cells.find()
  const graph = new Graph(work)
  verifyTypes(work)
  verifyNames(work, graph, catalog)
  verifyOutbound(work)
  graph.followAll(roots)
  findings.tell(cells.count, cells.count)
  session.leave()
  return {
    ok: findings.problems.length === 0,
    problems: findings.problems,
    bytes: {
      live: cells.takenUnits * 8,
      free: walk.freeUnits * 8,
      leaked: (walk.liveUnits - cells.takenUnits) * 8,
      unknown: walk.unknownUnits * 8,
    },
  }
}
