/** `Region.pack`: build, freeze so that nobody can write any more, publish. */
import { RStoreError } from '../../errors.js'
import { Handle } from '../../map/handle.js'
import type { Ref } from '../../space/ref.js'
import type { Type } from '../../types/index.js'
import { JsonType } from '../../types/json/json.js'
import { checkOptionNames } from '../../types/options.js'
import { refOfView } from '../../types/ref/ref.js'
import { StructType } from '../../types/struct/struct.js'
import { coreOfView } from '../../types/struct/view.js'
import { TupleType } from '../../types/tuple/tuple.js'
import { BoxedType, typeFrom } from '../../types/type.js'
import type { AnyType } from '../../types/type.js'
import { setUnowned } from '../../types/unowned.js'
import { capacityOf, checkDurability, checkMode } from '../base/options.js'
import type { Durability, Size } from '../base/options.js'
import { WritableRegion } from '../base/writable-region.js'
import { canBeEmpty, emptyInput } from './empty.js'
import { PackSession } from './pack-session.js'
import type { PackFile, Publishing } from './pack-session.js'
import { Packed } from './packed.js'

declare const discard: unique symbol
/** A type of its own; a `unique symbol` would widen to `symbol` where a function returns it. */
export type Discard = symbol & { readonly [discard]: true }

/** Returned by `init` to leave nothing behind. */
export const DISCARD = Symbol('rstore discard') as Discard

export interface PackOptions<V, I> {
  /** Of what `init` returns. */
  root: Type<V, I>
  /** Upper bound of the file. Default 4 GiB. */
  capacity?: Size
  /** Permission bits of the new file, less those to write. Default 0o666, less the umask. */
  mode?: number
  /** Replaces a file of that name, in one step; who has it mapped goes on with the old one. */
  replace?: boolean
  /**
   * 'none' does not wait for the disk. After a crash of the machine the file may then be there with
   * pages missing: load it with `verify: 'full'`. Default 'sync'.
   */
  durability?: Durability
}

/** Throws a TypeError on what `pack` has no option for. */
export const checkPackOptions = (options: PackOptions<any, any>): void =>
  checkOptionNames(options, 'pack', ['root', 'capacity', 'replace', 'durability', 'mode'])

/** The region inside `init`: written without transactions; every throw discards all of it. */
export class PackRegion extends WritableRegion {
  /** @internal */
  declare readonly session: PackSession

  constructor(session: PackSession) {
    super(session, true)
  }
}

/** What `init` may return. */
export type PackRoot<V, I> = V | I | Ref<V> | Discard
export type PackInit<V, I> =
  (region: WritableRegion, root: V) => PackRoot<V, I> | Promise<PackRoot<V, I>>

/** See Region.pack. */
export function pack<V, I>(
  path: string | null, options: PackOptions<V, I>, init: PackInit<V, I>,
): Packed<V> | undefined | Promise<Packed<V> | undefined> {
  return packInto(options, init, (file) => PackSession.begin(path, file), (session, memory) =>
    memory === 0 ? Packed.load<V>(session.path!) : attach<V>(session, memory))
}

/** What is in memory is held by the session until somebody else holds it. */
function attach<V>(session: PackSession, memory: number): Packed<V> {
  try {
    return Packed.attach<V>({ kind: 'rstore-packed', memory })
  } finally {
    session.releaseMemory()
  }
}

/** Loads what was frozen; `memory` is its number where it has no path. */
type Load<V> = (session: PackSession, memory: number) => Packed<V>

/** The same into a session of one's own; arguments are checked before it is begun. */
export function packInto<V, I>(
  options: PackOptions<V, I>, init: PackInit<V, I>,
  begin: (file: PackFile) => PackSession, load: Load<V>,
): Packed<V> | undefined | Promise<Packed<V> | undefined> {
  checkPackOptions(options)
  if (typeof init !== 'function') throw new TypeError('pack needs a function that fills the region')
  const type = typeFrom(options.root, 'pack, root')
  const sync = checkDurability(options.durability ?? 'sync') === 'sync'
  const session = begin({
    capacityBytes: capacityOf(options.capacity), mode: checkMode(options.mode),
  })
  const region = new PackRegion(session)
  const job = new PackJob<V>(session, type, { replace: options.replace === true, sync }, load)
  let result: PackRoot<V, I> | Promise<PackRoot<V, I>>
  try {
    result = init(region, job.emptyRoot() as V)
  } catch (error) {
    session.close()
    throw error
  }
  if (!isPromise(result)) return job.end(result)
  return Promise.resolve(result).then((root) => job.end(root), (error: unknown) => {
    session.close()
    throw error
  })
}

const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

class PackJob<V> {
  private empty = 0 as Ref

  constructor(
    private readonly session: PackSession,
    private readonly type: AnyType,
    private readonly publishing: Publishing,
    private readonly load: Load<V>,
  ) {}

  /** A root to fill in; undefined where the type cannot be empty. */
  emptyRoot(): unknown {
    const { session, type } = this
    if (!isReference(type) || !canBeEmpty(type)) return undefined
    this.empty = type.createCell(session, type.prepare(emptyInput(type), 'root', session))
    setUnowned(session.space, this.empty, true)
    return type.readCell(session.lease, this.empty, undefined)
  }

  end(result: unknown): Packed<V> | undefined {
    const { session } = this
    try {
      if (result === DISCARD) {
        session.close()
        return undefined
      }
      if (session.isClosed) session.assertOpen()
      const root = this.rootOf(result)
      if (this.empty !== 0 && root !== this.empty) this.type.freeCell(session, this.empty)
      const memory = session.freeze(root, this.type, this.publishing)
      return this.load(session, memory)
    } catch (error) {
      session.close()
      throw error
    }
  }

  private rootOf(result: unknown): Ref {
    const { session, type } = this
    if (result === undefined) {
      throw new TypeError('pack: init returned nothing. Return the root, or DISCARD to leave '
        + 'nothing behind')
    }
    if (typeof result === 'number' && isReference(type) && !(type instanceof JsonType)) {
      return this.checked(result)
    }
    const core = coreOfView(result)
    if (core !== undefined) {
      if (core.lease.session.space !== session.space) throw foreign(session)
      const ref = refOfView(result)
      if (ref !== 0) return this.checked(ref)
    }
    if (result instanceof Handle) {
      if (result.session !== session) throw foreign(session)
      return this.checked(result.rootRef)
    }
    const made = type.createCell(session, type.prepare(result, 'root', session))
    setUnowned(session.space, made, true)
    return made
  }

  private checked(ref: number): Ref {
    if (!Number.isInteger(ref) || !this.session.holds(ref)) throw foreign(this.session)
    return this.session.registry.checkRef(this.type, ref, 'root')
  }
}

/** Whether a root of this type is something that a ref or a view can name. */
const isReference = (type: AnyType): boolean =>
  type instanceof StructType || type instanceof TupleType || type instanceof BoxedType

function foreign(session: PackSession): RStoreError {
  return new RStoreError('RSTORE_FOREIGN_REF',
    `pack: what init returned is not in ${session.label}. Return a record of the region that init `
    + 'was given, or a plain value, which is copied', { path: session.path })
}
