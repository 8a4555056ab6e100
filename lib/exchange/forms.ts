/**
 * How values are written as JSON, and read from it, by their types.
 *
 *   numbers, bool, string, enum    themselves; NaN, Infinity, -Infinity and -0 as strings
 *   u64 i64                        strings of digits; small ones may be numbers
 *   date                           strict ISO 8601; milliseconds are understood, too
 *   bytes                          {"$bytes": base64}
 *   struct                         an object; what is undefined is left out
 *   tuple, array                   a list; undefined is null
 *   map, multimap                  a list of [key, value]
 *   ref                            {"$ref": number}
 *   packed                         {"$packed": region, "ref": number, "value": what is there}, the
 *                                  last where it was read; never taken back
 *   json                           itself; {"$undefined": true}, {"$number": "NaN"}, {"$bigint":
 *                                  digits}, {"$date": ISO 8601}, {"$bytes": base64}
 *
 * A name that begins with $, in a struct or in json, gets one more in front: so none of the above
 * can be taken for data, nor the other way round.
 *
 * `fromJson` turns forms into what the type's own `prepare` takes, which checks them: what it does
 * not understand it hands on as it is.
 */
import type { Ref } from '../space/ref.js'
import { ArrayType } from '../types/array/array.js'
import { DefaultType } from '../types/default/default.js'
import { MapType, MultimapType } from '../types/map/map.js'
import { OptionalType } from '../types/optional/optional.js'
import { PackedType } from '../types/packed/packed.js'
import { RefType } from '../types/ref/ref.js'
import { convertedStep, innerStep, type Step } from '../types/struct/image.js'
import { StructType } from '../types/struct/struct.js'
import { setOwn } from '../types/struct/view.js'
import { TupleType } from '../types/tuple/tuple.js'
import type { AnyType } from '../types/type.js'
import { anyFromJson, anyToJson, bytesFromJson, bytesToJson } from './any-json.js'
import { dateFromJson } from './dates.js'
import { RECORD_ID, type PackedRecord } from './ref-types.js'

export interface JsonForm {
  /** Whether every value is its own form: then nothing needs to be converted. */
  readonly isPlain: boolean
  toJson(value: any): unknown
  /** What `toJson` gives, as text, without anything in between. */
  toText(value: any): string
  fromJson(json: any): unknown
}

/** What the numbers of refs are outside. */
export interface RefNames {
  /** The number of a ref that a value names, and that is declared to lead to `target`. */
  idOfRef(ref: number, target: AnyType): number
  /** The number of a record that is written out; 0 when nobody needs it. */
  idOfRecord(record: unknown): number
  /** The ref that a number stands for. */
  refOfId(id: number, target: AnyType): Ref
}

/** What JSON writes as it is; one that is longer than the test takes is left to the engine. */
const IS_BARE = /^[ !#-[\]-~]*$/

/** A string in JSON. */
export const quoted = (text: string): string =>
  IS_BARE.test(text) ? `"${text}"` : JSON.stringify(text)

/** Numbers and booleans; labels and texts, which need quotes. */
const PLAIN: JsonForm = {
  isPlain: true,
  toJson: (value) => value,
  toText: String,
  fromJson: (json) => json,
}
const TEXT: JsonForm = { ...PLAIN, toText: quoted }

const SPECIAL_NUMBERS: Readonly<Record<string, number>> = {
  NaN, Infinity, '-Infinity': -Infinity, '-0': -0,
}

const FLOAT: JsonForm = {
  isPlain: false,
  toJson: (value: number) => Object.is(value, -0) ? '-0'
    : Number.isFinite(value) ? value : String(value),
  toText: (value: number) => Object.is(value, -0) ? '"-0"'
    : Number.isFinite(value) ? String(value) : `"${value}"`,
  fromJson: (json) =>
    typeof json === 'string' && Object.hasOwn(SPECIAL_NUMBERS, json) ? SPECIAL_NUMBERS[json] : json,
}

const BIG: JsonForm = {
  isPlain: false,
  toJson: String,
  toText: (value: bigint) => `"${value}"`,
  fromJson: (json) =>
    typeof json === 'string' && /^-?\d{1,20}$/.test(json) || Number.isSafeInteger(json)
      ? BigInt(json) : json,
}

const DATE: JsonForm = {
  isPlain: false,
  toJson: (value: Date) => value.toISOString(),
  toText: (value: Date) => `"${value.toISOString()}"`,
  fromJson: (json) =>
    typeof json === 'string' || typeof json === 'number' ? dateFromJson(json) : json,
}

/** A form that has no better way to its text. */
const withText = (form: Omit<JsonForm, 'toText'>): JsonForm =>
  ({ ...form, toText: (value) => JSON.stringify(form.toJson(value)) })

const BYTES = withText({ isPlain: false, toJson: bytesToJson, fromJson: bytesFromJson })
const ANY = withText({ isPlain: false, toJson: anyToJson, fromJson: anyFromJson })

const SIMPLE: Readonly<Record<string, JsonForm>> = {
  f32: FLOAT, f64: FLOAT, u64: BIG, i64: BIG, date: DATE, bytes: BYTES, json: ANY,
  u8: PLAIN, i8: PLAIN, u16: PLAIN, i16: PLAIN, u32: PLAIN, i32: PLAIN, bool: PLAIN,
  string: TEXT, enum: TEXT,
}

const escapeName = (name: string): string => name.startsWith('$') ? `$${name}` : name

const isObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === 'object' && json !== null && !Array.isArray(json)

class StructForm implements JsonForm {
  readonly isPlain = false
  private readonly names: readonly string[]
  private readonly keys: readonly string[]
  /** Names as they begin a field in text. */
  private readonly labels: readonly string[]
  private readonly forms: readonly JsonForm[]
  private readonly known: ReadonlySet<string>

  constructor(
    private readonly type: StructType, formOf: (type: AnyType) => JsonForm,
    private readonly refs: RefNames,
  ) {
    this.names = type.fields.map(([name]) => name)
    this.keys = this.names.map(escapeName)
    this.labels = this.keys.map((key) => `${JSON.stringify(key)}:`)
    this.forms = type.fields.map(([, field]) => formOf(field))
    this.known = new Set(this.keys)
  }

  toJson(value: Record<string, unknown>): unknown {
    const json = {}
    const id = this.refs.idOfRecord(value)
    if (id !== 0) setOwn(json, '$id', id)
    for (let i = 0; i < this.names.length; i++) {
      const field = value[this.names[i]!]
      if (field !== undefined) setOwn(json, this.keys[i]!, this.forms[i]!.toJson(field))
    }
    return json
  }

  toText(value: Record<string, unknown>): string {
    const { names, labels, forms } = this
    const id = this.refs.idOfRecord(value)
    let text = id === 0 ? '{' : `{"$id":${id}`
    let isFirst = id === 0
    for (let i = 0; i < names.length; i++) {
      const field = value[names[i]!]
      if (field === undefined) continue
      text += (isFirst ? labels[i]! : ',' + labels[i]!) + forms[i]!.toText(field)
      isFirst = false
    }
    return text + '}'
  }

  fromJson(json: unknown): unknown {
    if (!isObject(json)) return json
    const value: Record<string, unknown> & { [RECORD_ID]?: number } = {}
    for (const key of Object.keys(json)) this.checkKey(key, json, value)
    for (let i = 0; i < this.names.length; i++) {
      const key = this.keys[i]!
      const given = Object.hasOwn(json, key) ? json[key] : undefined
      setOwn(value, this.names[i]!, given === undefined ? given : this.forms[i]!.fromJson(given))
    }
    return value
  }

  private checkKey(key: string, json: object, value: { [RECORD_ID]?: number }): void {
    if (this.known.has(key)) return
    const id = (json as { $id?: unknown }).$id
    if (key !== '$id') {
      throw new TypeError(`${this.type.name} has no field ${JSON.stringify(key)}; it has `
        + (this.names.map((name) => JSON.stringify(name)).join(', ') || 'none'))
    }
    value[RECORD_ID] = checkId(id)
  }
}

/** Throws a TypeError on what is no number of a record. */
export function checkId(id: unknown): number {
  if (typeof id === 'number' && Number.isSafeInteger(id) && id > 0) return id
  throw new TypeError(`a $id or $ref must be a whole number from 1 on, not ${JSON.stringify(id)}`)
}

/** Forms of types; one object for as long as the numbers of refs mean the same. */
export class JsonForms {
  private readonly known = new Map<AnyType, JsonForm>()
  private readonly formOf = (type: AnyType): JsonForm => this.of(type)

  constructor(private readonly refs: RefNames) {}

  of(type: AnyType): JsonForm {
    const known = this.known.get(type)
    if (known !== undefined) return known
    const form = this.make(type)
    this.known.set(type, form)
    return form
  }

  /** Steps that make images of values in their form; undefined where the struct has none. */
  stepsOf(type: StructType): readonly Step[] | undefined {
    return type.steps?.map((step, i) => ({
      ...this.stepOf(step, type.fields[i]![1]), name: escapeName(step.name),
    }))
  }

  /** The same for one field; its name is as it is. */
  stepOf(step: Step, type: AnyType): Step {
    if (step.inner !== undefined) return innerStep(step, this.stepsOf(step.type as StructType)!)
    const form = this.of(type)
    return form.isPlain ? step : convertedStep(step, (json) => form.fromJson(json))
  }

  private make(type: AnyType): JsonForm {
    if (type instanceof StructType) return new StructForm(type, this.formOf, this.refs)
    if (type instanceof OptionalType) return this.optional(type.inner)
    if (type instanceof DefaultType) return this.optional(type.inner)
    if (type instanceof TupleType) return this.tuple(type)
    if (type instanceof ArrayType) return this.array(type)
    if (type instanceof MapType || type instanceof MultimapType) return this.map(type)
    if (type instanceof RefType) return this.ref(type)
    if (type instanceof PackedType) return this.packed()
    const simple = Object.hasOwn(SIMPLE, type.kind) ? SIMPLE[type.kind] : undefined
    if (simple !== undefined) return simple
    throw new Error(`values of type ${type.kind} have no JSON form`)
  }

  /** Of json null is a value: there nothing is {"$undefined": true}. */
  private optional(inner: AnyType): JsonForm {
    const form = this.of(inner)
    if (inner.kind === 'json') return form
    return {
      isPlain: false,
      toJson: (value) => value === undefined ? null : form.toJson(value),
      toText: (value) => value === undefined ? 'null' : form.toText(value),
      fromJson: (json) => json === null || json === undefined ? undefined : form.fromJson(json),
    }
  }

  private tuple({ elements }: TupleType): JsonForm {
    const forms = elements.map(this.formOf)
    return withText({
      isPlain: forms.every(({ isPlain }) => isPlain),
      toJson: (value: readonly unknown[]) => forms.map((form, i) => form.toJson(value[i])),
      // shorter ones may be the ends of a range
      fromJson: (json) => Array.isArray(json) && json.length <= forms.length
        ? json.map((one, i) => forms[i]!.fromJson(one)) : json,
    })
  }

  private array({ element }: ArrayType): JsonForm {
    const form = this.of(element)
    return withText({
      isPlain: false,
      toJson: (value: Iterable<unknown>) => Array.from(value, (one) => form.toJson(one)),
      fromJson: (json) => Array.isArray(json) && !form.isPlain
        ? json.map((one) => form.fromJson(one)) : json,
    })
  }

  private map({ keyType, valueType }: MapType | MultimapType): JsonForm {
    const [key, value] = [this.of(keyType), this.of(valueType)]
    return withText({
      isPlain: false,
      toJson: (entries: Iterable<readonly [unknown, unknown]>) =>
        Array.from(entries, (entry) => [key.toJson(entry[0]), value.toJson(entry[1])]),
      fromJson: (json) => Array.isArray(json)
        ? json.map((entry) => Array.isArray(entry)
          ? [key.fromJson(entry[0]), value.fromJson(entry[1])] : entry)
        : json,
    })
  }

  /** A region of another store may have the same number: so what is there is not known. */
  private packed(): JsonForm {
    return withText({
      isPlain: false,
      toJson: (named: PackedRecord | undefined) => {
        if (named === undefined) return null
        const { regionId, ref, type, value } = named
        const json = { $packed: regionId, ref }
        return type === undefined ? json : { ...json, value: this.of(type).toJson(value) }
      },
      fromJson: (json) => {
        if (json === null || json === undefined) return undefined
        throw new TypeError('what is in a packed region cannot be given as JSON: only a program '
          + 'can store it, with what store.pack() or store.packed() gives')
      },
    })
  }

  private ref(type: RefType): JsonForm {
    const { refs } = this
    return withText({
      isPlain: false,
      toJson: (ref: number | undefined) =>
        ref === undefined ? null : { $ref: refs.idOfRef(ref, type.target()) },
      fromJson: (json) => {
        if (typeof json === 'number') throw new TypeError(`a ref is {"$ref":n}, not ${json}`)
        return isObject(json) && Object.hasOwn(json, '$ref')
          ? refs.refOfId(checkId(json['$ref']), type.target()) : json
      },
    })
  }
}
