/**
 * Rows: objects that have the key of an entry among the fields of its value. What is loaded by the
 * million is prepared here in one go, without an object in between.
 */
import type { Values } from '../map/values.js'
import type { Session } from '../types/context.js'
import { unstoredStep, type Step } from '../types/struct/image.js'
import type { StructType } from '../types/struct/struct.js'
import type { AnyType } from '../types/type.js'
import type { JsonForm, JsonForms } from './forms.js'

/** Where a field of a row goes. */
interface Column {
  readonly name: string
  /** Place among the fields of the struct; -1 of what is key only. */
  readonly field: number
  /** Place among the fields of the key; -1 of what is none. */
  readonly key: number
  readonly type: AnyType | undefined
  readonly form: JsonForm | undefined
  readonly label: string
}

/** The value of a row's own field, whatever its name. */
export const ownField = (row: object, name: string): unknown =>
  Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined

export class RowReader {
  /** The key fields of the row that was read last, in their order. */
  readonly keys: unknown[]
  /** In the order in which the last unusual row had them: those that follow mostly do, too. */
  private order: readonly Column[]
  private readonly columns: ReadonlyMap<string, Column>
  /** How rows in that order become images; undefined where they do not. */
  private steps: readonly Step[] | undefined
  /** What `prepare` gives, each time the same. */
  private readonly prepared: unknown[]

  constructor(
    private readonly type: StructType, private readonly keyFields: readonly string[],
    private readonly forms: JsonForms, private readonly session: Session,
    private readonly values: Values,
  ) {
    this.keys = new Array<unknown>(keyFields.length)
    this.prepared = new Array<unknown>(type.fields.length)
    const columns = type.fields.map(([name, field], i): Column => ({
      name, field: i, key: keyFields.indexOf(name), type: field,
      form: forms.of(field), label: `${type.name}.${name}`,
    }))
    const others = keyFields.filter((name) => !columns.some((column) => column.name === name))
      .map((name): Column => ({
        name, field: -1, key: keyFields.indexOf(name), type: undefined, form: undefined, label: '',
      }))
    this.order = [...others, ...columns]
    this.columns = new Map(this.order.map((column) => [column.name, column]))
    this.steps = this.stepsInOrder()
  }

  private stepsInOrder(): readonly Step[] | undefined {
    const { steps } = this.type
    return steps && this.order.map(({ name, field, type }) =>
      field < 0 ? unstoredStep(name) : this.forms.stepOf(steps[field]!, type!))
  }

  /**
   * A row as the map's values take it, good until the next one is read. Throws a TypeError or
   * RangeError on what the struct does not have, or cannot have.
   */
  prepare(row: object): unknown {
    if (this.steps === undefined) return this.prepareFields(row)
    const image = this.values.prepareBy(this.steps, row)
    if (image === undefined) return this.prepareFields(row)
    const { keys, keyFields } = this
    for (let i = 0; i < keys.length; i++) keys[i] = ownField(row, keyFields[i]!)
    return image
  }

  /** The fields one by one, in an array. */
  prepareFields(row: object): unknown[] {
    const { order } = this
    let i = 0
    for (const name in row) {
      if (i === order.length || name !== order[i]!.name) return this.prepareUnusual(row)
      this.take(order[i]!, (row as Record<string, unknown>)[name])
      i++
    }
    return i === order.length ? this.prepared : this.prepareUnusual(row)
  }

  private take(column: Column, given: unknown): void {
    const { field, key, type, form } = column
    if (key >= 0) this.keys[key] = given
    if (field < 0) return
    const value = form!.isPlain || given === undefined ? given : form!.fromJson(given)
    this.prepared[field] = type!.prepare(value, column.label, this.session)
  }

  /** Fields in another order, or not all of them. */
  private prepareUnusual(row: object): unknown[] {
    const names = Object.keys(row)
    const seen = names.map((name) => this.columns.get(name) ?? this.refuse(name))
    for (const column of this.columns.values()) {
      this.take(column, ownField(row, column.name))
    }
    if (seen.length === this.columns.size) {
      this.order = seen
      this.steps = this.stepsInOrder()
    }
    return this.prepared
  }

  private refuse(name: string): never {
    throw new TypeError(`${this.type.name} has no field ${JSON.stringify(name)}; it has `
      + ([...this.columns.keys()].map((known) => JSON.stringify(known)).join(', ') || 'none'))
  }
}
