/**
 * Values that nothing owns. What a map, a record or a name owns is freed with that; what `alloc` or
 * a builder made, and nothing has adopted, is there until `free`. CELL_UNOWNED tells them apart:
 *
 *  U1. It is in the header of a cell exactly when no entry, field or name owns the cell: whoever
 *      makes one for nobody says so, and whoever gives it an owner takes that back.
 *  U2. `free` frees these alone. So no entry or field is ever left that names a freed cell.
 */
import { C } from '../../formats/index.js'
import { wordIndexOf } from '../space/ref.js'
import type { Space } from '../space/space.js'

/** Whether cells of a type are values, as `alloc` gives them. */
export const isValueType = (typeId: number): boolean =>
  typeId >= C.FIRST_STORED_TYPE || (typeId >= C.TYPE_STRING && typeId <= C.TYPE_JSON)

export const isUnowned = (space: Space, ref: number): boolean =>
  (space.windowOf(ref).u32[wordIndexOf(ref)]! & C.CELL_UNOWNED) !== 0

/** Says of a cell that nothing owns it, or that something does. */
export function setUnowned(space: Space, ref: number, unowned: boolean): void {
  if (isUnowned(space, ref) === unowned) return
  space.mark(ref, C.UNIT_BYTES)
  space.windowOf(ref).u32[wordIndexOf(ref)]! ^= C.CELL_UNOWNED
}
