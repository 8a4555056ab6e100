/** Whether cells are of a type that can be read as what names them expects: Y3. */
import { C } from '../../../formats/index.js'
import { compare, describeShortly } from '../../types/compatible.js'
import type { Session } from '../../types/context.js'
import type { AnyType } from '../../types/type.js'
import type { Findings } from './report.js'

export class CellTypes {
  private readonly session: Session
  private readonly findings: Findings
  /** Why not, or '', by the two types. */
  private readonly checked = new Map<string, string>()

  constructor(session: Session, findings: Findings) {
    this.session = session
    this.findings = findings
  }

  /** Gives the stored type; undefined when the cell is something else. */
  storedType(type: AnyType, ref: number, path: string): AnyType | undefined {
    const typeId = this.session.space.typeIdOf(ref)
    if (type.fixedTypeId !== 0) {
      if (typeId === type.fixedTypeId) return type
      this.findings.add(
        'CELL_TYPE',
        ref,
        path,
        `${path}: expected ${type.kind}, found a cell of type ${typeId}.`,
      )
      return undefined
    }
    const why = this.whyNot(type, typeId)
    if (why === '') return this.session.registry.typeOf(typeId)
    this.findings.add('CELL_TYPE', ref, path, `${path}: ${why}.`)
    return undefined
  }

  private whyNot(type: AnyType, typeId: number): string {
    const key = `${type.serial}:${typeId}`
    const known = this.checked.get(key)
    if (known !== undefined) return known
    const why = this.compareWith(type, typeId)
    this.checked.set(key, why)
    return why
  }

  /** A record may be of an older version than its map, and through a ref of a newer one. */
  private compareWith(type: AnyType, typeId: number): string {
    const { registry } = this.session
    if (typeId < C.FIRST_STORED_TYPE || typeId >= registry.nextTypeId) {
      return `expected ${describeShortly(type)}, found a cell of type ${typeId}`
    }
    const stored = registry.typeOf(typeId)
    const mismatch = compare(stored, type, describeShortly(type))
    return mismatch === null || compare(type, stored, '') === null
      ? ''
      : `${mismatch.path} ${mismatch.how}`
  }
}
