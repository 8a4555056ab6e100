/** A single named value: the facade of `RValue`. Its catalog entry is made with the first value. */
import { inspect, type InspectOptions } from 'node:util'
import { C } from '../../formats/index.js'
import type { Ref } from '../space/ref.js'
import type { Session } from '../types/context.js'
import { shown } from '../types/shown.js'
import { jsonOf } from '../types/struct/view.js'
import type { AnyType } from '../types/type.js'
import type { Directory, Entry } from './directory.js'
import { FreeOwner } from './owners.js'

export class StoredValue {
  readonly #session: Session
  readonly #directory: Directory
  readonly #name: string
  readonly #type: AnyType
  readonly #check: (entry: Entry) => void
  readonly #owner: FreeOwner

  /** @param check throws when an entry is not of this kind and type */
  constructor(
    session: Session,
    directory: Directory,
    name: string,
    type: AnyType,
    check: (entry: Entry) => void,
  ) {
    this.#session = session
    this.#directory = directory
    this.#name = name
    this.#type = type
    this.#check = check
    this.#owner = new FreeOwner(session)
  }

  #findEntry(): Entry | undefined {
    const entry = this.#directory.find(this.#name)
    if (entry !== undefined) this.#check(entry)
    return entry
  }

  get(): unknown {
    this.#session.enter()
    const entry = this.#findEntry()
    const value =
      entry === undefined || entry.root === 0
        ? undefined
        : this.#type.readCell(this.#session.lease, entry.root, this.#owner)
    this.#session.leave()
    return value
  }

  toJSON(): unknown {
    return jsonOf(this.get())
  }

  [inspect.custom](depth: number, options: InspectOptions): string {
    return shown('RValue', depth, options, (inner) => ` ${inspect(this.get(), inner)}`)
  }

  set(value: unknown): void {
    const session = this.#session
    session.enterWrite()
    const prepared = this.#type.prepare(value, `value ${JSON.stringify(this.#name)}`, session)
    const entry = this.#findEntry()
    session.change(() => {
      if (entry === undefined) this.#addEntry(this.#type.createCell(session, prepared))
      else this.#assignEntry(entry, prepared)
    })
    session.leave()
  }

  #addEntry(root: Ref): void {
    this.#directory.add(this.#name, {
      kind: C.ENTRY_VALUE,
      root,
      keyType: 0,
      valueType: this.#session.registry.idOf(this.#type),
      auxiliary: 0 as Ref,
    })
  }

  #assignEntry(entry: Entry, prepared: unknown): void {
    const session = this.#session
    const root =
      entry.root === 0
        ? this.#type.createCell(session, prepared)
        : this.#type.assignCell(session, entry.root, prepared)
    if (root !== entry.root) this.#directory.set(entry, 'root', root)
    const id = session.registry.idOf(this.#type)
    if (id !== entry.valueType) this.#directory.set(entry, 'valueType', id)
  }

  delete(): boolean {
    const session = this.#session
    session.enterWrite()
    const entry = this.#findEntry()
    if (entry === undefined) return false
    session.change(() => {
      if (entry.root !== 0) session.registry.typeOfCell(entry.root).freeCell(session, entry.root)
      this.#directory.remove(entry)
    })
    session.leave()
    return entry.root !== 0
  }
}
