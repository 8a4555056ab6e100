/** Names that are being filled, by keys and values in their JSON forms. */
import type { OrderedMultimap } from '../map/multimap.js'
import type { Appender, OrderedMap } from '../map/ordered-map.js'
import type { StoredValue } from '../map/stored-value.js'
import type { OpenSession } from '../region/base/open-session.js'
import type { Step } from '../types/struct/image.js'
import { StructType } from '../types/struct/struct.js'
import type { JsonForm, JsonForms } from './forms.js'

/** One name. What cannot be stored throws before it has changed anything. */
export interface Filling {
  add(key: unknown, value: unknown): void
  /** Makes visible to others what was added. */
  pause(): void
  /** Entries; before `add` or after `pause`. */
  readonly size: number
}

/**
 * Ascending keys are appended, until one does not ascend; that one, and all behind it up to
 * `pause`, are set one by one.
 */
export class MapFilling implements Filling {
  /** How values become images; undefined where they do not. */
  private readonly steps: readonly Step[] | undefined
  private appender: Appender | undefined
  private isSorted = true
  private readonly session: OpenSession

  constructor(
    readonly map: OrderedMap, readonly key: JsonForm, private readonly value: JsonForm,
    forms: JsonForms,
  ) {
    const { valueType } = map
    this.session = map.session as OpenSession
    this.steps = valueType instanceof StructType ? forms.stepsOf(valueType) : undefined
  }

  add(key: unknown, value: unknown): void {
    const own = this.key.fromJson(key)
    this.addPrepared(own, this.imageOf(value) ?? this.prepare(value))
  }

  /** An index may run code of the user, and that may make another image. */
  private imageOf(json: unknown): unknown {
    const { map, steps } = this
    return steps !== undefined && typeof json === 'object' && json !== null && !map.watched
      ? map.stored.prepareBy(steps, json) : undefined
  }

  private prepare(json: unknown): unknown {
    const { map } = this
    return map.valueType.prepare(this.value.fromJson(json), map.label, this.session)
  }

  /** Takes a key of the map, and a value as the map's values take it. */
  addPrepared(key: unknown, prepared: unknown): void {
    const { map } = this
    if (map.watched) return map.putWatched(key, prepared)
    if (!this.isSorted) return map.putPrepared(key, prepared)
    this.appender ??= map.appender()
    try {
      this.appender.append(key, prepared)
    } catch (error) {
      if ((error as { code?: string }).code !== 'RSTORE_UNSORTED') throw error
      this.pause()
      this.isSorted = false
      map.putPrepared(key, prepared)
    }
  }

  pause(): void {
    this.appender?.finish()
    this.appender = undefined
    this.isSorted = true
  }

  get size(): number {
    return this.map.size
  }
}

export class MultimapFilling implements Filling {
  constructor(
    private readonly map: OrderedMultimap,
    private readonly key: JsonForm, private readonly value: JsonForm,
  ) {}
  add(key: unknown, value: unknown): void {
    this.map.add(this.key.fromJson(key), this.value.fromJson(value))
  }
  pause(): void {}
  get size(): number {
    return this.map.size
  }
}

export class ValueFilling implements Filling {
  constructor(private readonly value: StoredValue, private readonly form: JsonForm) {}
  add(_key: unknown, value: unknown): void {
    this.value.set(this.form.fromJson(value))
  }
  pause(): void {}
  get size(): number {
    return this.value.get() === undefined ? 0 : 1
  }
}
