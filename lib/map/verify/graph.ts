/** Cells and everything below them, by their types: records, maps, multimaps, refs (Y2, Y3, Y6). */
import { C } from '../../../formats/index.js'
import { wordIndexOf } from '../../space/ref.js'
import { payloadRoom } from '../../types/boxes.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import { follow, leadsTo, leftBefore, leftBy } from '../../types/moved.js'
import type { AnyType } from '../../types/type.js'
import { isUnowned } from '../../types/unowned.js'
import { MULTIMAP } from '../multimap.js'
import { valuesOf } from '../values.js'
import { CellTypes } from './cell-types.js'
import type { ExtraRoot } from './ground.js'
import type { Work } from './work.js'

/** A ref to a shared cell: Y2. */
interface Shared { type: AnyType; ref: number; path: string }

export class Graph {
  private readonly work: Work
  private readonly types: CellTypes
  private readonly shared: Shared[] = []
  /** Of them, those that wait for their owner. */
  private readonly late: Shared[] = []

  constructor(work: Work) {
    this.work = work
    this.types = new CellTypes(work.session, work.findings)
  }

  /** A cell that something owns, or nothing, and everything below it. */
  cell(type: AnyType, ref: number, path: string, owned = true): void {
    const { session: { space }, cells, findings } = this.work
    if (!cells.take(ref, path)) return
    if (isUnowned(space, ref) === owned) {
      findings.add('CELL_OWNER', ref, path, owned
        ? `${path}: owns the cell at ref ${ref}, which says that nothing does.`
        : `${path}: nothing owns the cell at ref ${ref}, which says that something does.`)
    }
    this.trail(ref, path)
    const stored = this.types.storedType(type, ref, path)
    if (stored === undefined) return
    findings.guard(path, ref, () => this.content(stored, ref, path))
  }

  /** Y7: the cells that a record has left. */
  private trail(ref: number, path: string): void {
    const { session, cells, findings } = this.work
    const { space } = session
    for (let left = leftBy(space, ref); left !== 0; left = leftBefore(space, left)) {
      if (!cells.take(left, `${path} (where it was before)`)) return
      if (leadsTo(session, left, ref)) continue
      return findings.add('CELL_MOVED', left, path,
        `${path}: the cell at ref ${left}, where it was before, does not lead to it.`)
    }
  }

  /** Y7: those that are left lead to records that are left, too. */
  private strayTrails(): void {
    const { session, cells, findings } = this.work
    for (const ref of cells.left()) {
      if (session.space.typeIdOf(ref) !== C.TYPE_MOVED) continue
      const to = follow(session, ref)
      if (to !== 0 && cells.isLeft(to)) continue
      findings.add('CELL_MOVED', ref, '', `The cell at ref ${ref} leads to ref ${to}, where a `
        + 'record went, but that does not name it.')
    }
  }

  private content(stored: AnyType, ref: number, path: string): void {
    const { session, findings } = this.work
    if (stored instanceof MapType) return this.map(stored, ref, path)
    if (stored instanceof MultimapType) return this.multimap(stored, ref, path)
    if (stored.cellBytes(session, ref) > payloadRoom(session, ref)) {
      return findings.add(
        'CELL_CONTENT',
        ref,
        path,
        `${path}: the content of the cell is longer than the cell.`,
      )
    }
    stored.visitCell(
      session,
      ref,
      (type, to, owned, at) => this.visit(type, to, owned, at),
      path,
    )
  }

  private visit(type: AnyType, ref: number, owned: boolean, path: string): void {
    if (owned) this.cell(type, ref, path)
    else this.shared.push({ type, ref, path })
  }

  /** Of a map whose root has been taken. */
  map(type: MapType, root: number, path: string): void {
    const { session, trees } = this.work
    const values = valuesOf(session, type.valueType)
    let count = 0
    trees.take(trees.open(type.codec.kind, root), path, true, (window, at) => {
      const inside = `${path}[#${count++}]`
      values.visit(window, at, (of, ref, owned, name) => this.visit(of, ref, owned, name), inside)
    })
  }

  /** Of a multimap whose root has been taken. */
  multimap(type: MultimapType, root: number, path: string): void {
    const { session, cells, trees, findings } = this.work
    const { u32 } = session.space.windowOf(root)
    const at = wordIndexOf(root)
    let pairs = 0
    trees.take(
      trees.open(type.codec.kind, u32[at + MULTIMAP.tree]!),
      path,
      false,
      (window, index) => {
        const values = window.u32[index]!
        if (!cells.take(values, `${path} (values)`)) return
        const tree = trees.open(type.valueCodec.kind, values)
        if (tree.size === 0)
          findings.add('MULTIMAP', values, path, `${path}: a key without values.`)
        pairs += tree.size
        trees.take(tree, `${path} (values)`, true)
      },
    )
    if (pairs !== u32[at + MULTIMAP.pairCount]) {
      findings.add(
        'MULTIMAP',
        root,
        path,
        `${path}: ${u32[at + MULTIMAP.pairCount]} pairs counted, ${pairs} found.`,
      )
    }
  }

  // ── what refs name ──

  /** Y2: when everything that has an owner has been walked. */
  followAll(roots: readonly ExtraRoot[]): void {
    this.shared.push(...roots)
    this.followRefs()
    if (this.work.ground.keepsUnnamed) this.unnamed()
    this.followLate()
    this.strayTrails()
  }

  private followRefs(): void {
    const { session: { space }, cells } = this.work
    for (let next = this.shared.pop(); next !== undefined; next = this.shared.pop()) {
      const { type, path } = next
      const ref = this.present(next.ref)
      if (!cells.isLeft(ref)) this.seenRef(type, ref, path)
      else if (isUnowned(space, ref)) this.cell(type, ref, path, false)
      else this.late.push({ type, ref, path })
    }
  }

  /**
   * Y6: what says that it is owned, and was named before its owner was met. Where that is not met
   * at all it may be one that is leaked itself.
   */
  private followLate(): void {
    const { session: { space }, cells } = this.work
    const mayBeOwned = this.late.length > 0
      && [...cells.left()].some((ref) => isUnowned(space, ref))
    for (let next = this.late.pop(); next !== undefined; next = this.late.pop()) {
      const { type, ref, path } = next
      if (cells.isLeft(ref)) this.cell(type, ref, path, mayBeOwned)
      else this.seenRef(type, ref, path)
      this.followRefs()
    }
  }

  /** Y7. */
  private present(ref: number): number {
    const { session, cells } = this.work
    return cells.isLive(ref) ? follow(session, ref) || ref : ref
  }

  /** Y6. */
  private unnamed(): void {
    const { session, cells, findings } = this.work
    for (const ref of cells.left()) {
      if (!isUnowned(session.space, ref)) continue
      const path = `ref ${ref}`
      findings.guard(path, ref, () => {
        this.cell(session.registry.typeOfCell(ref), ref, path, false)
      })
      this.followRefs()
    }
  }

  private seenRef(type: AnyType, ref: number, path: string): void {
    const { session, ground, cells, findings } = this.work
    if (cells.isLive(ref)) {
      this.types.storedType(type, ref, path)
      return
    }
    const freed = ground.isInside(ref) && session.space.typeIdOf(ref) <= C.TYPE_FREE
    findings.add(
      freed ? 'REF_DANGLING' : 'CELL_REF',
      ref,
      path,
      `${path}: ref ${ref} names ` +
        `${freed ? 'a record that was freed' : 'nothing inside of the data'}.`,
    )
  }
}
