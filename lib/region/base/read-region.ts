/** What every contiguous region offers, and what those offer that are only read. */
import { inspect } from 'node:util'
import { Catalog } from '../../map/catalog.js'
import type { NamedEntry } from '../../map/catalog.js'
import { checkVerifyOptions } from '../../map/verify/report.js'
import type { VerifyOptions, VerifyReport } from '../../map/verify/report.js'
import { verifySession } from '../../map/verify/verify.js'
import type { Ref } from '../../space/ref.js'
import type { Frozen, ReadMap, RMultimap, Type } from '../../types/index.js'
import { derefCell } from './cells.js'
import type { OpenSession } from './open-session.js'
import { damageProblem, pageProblem, reporting, withProblems } from './reports.js'
import type { RegionStats } from './stats.js'
import { VerifyProgress } from './verify-progress.js'

export abstract class RegionBase implements Disposable {
  /** @internal */
  readonly session: OpenSession
  private openedCatalog: Catalog | undefined
  private readonly openCatalog: () => Catalog

  /**
   * @internal
   * @param openCatalog where the catalog may not be there yet: it is opened when it is needed
   */
  constructor(session: OpenSession, create = false, openCatalog?: () => Catalog) {
    this.session = session
    if (openCatalog === undefined) this.openedCatalog = new Catalog(session, { create })
    this.openCatalog = openCatalog ?? (() => this.openedCatalog!)
  }

  /** @internal */
  get catalog(): Catalog {
    return (this.openedCatalog ??= this.openCatalog())
  }

  /** Absolute path of the file; null when the region is in memory. */
  get path(): string | null {
    return this.session.path
  }

  /**
   * What console.log shows. A bundled class that names itself has an underscore.
   * @internal
   */
  [inspect.custom](): string {
    return `${this.constructor.name.replace(/^_/, '')} <${this.path ?? 'in memory'}>`
  }

  /** Throws a TypeError: a region has no JSON form, what is in it has. See `exportLines`. */
  toJSON(): never {
    throw new TypeError('toJSON: a region is no value that JSON could hold. Take its maps, plain '
      + 'copies with getObject() or toObject(), or all of it with exportLines()')
  }

  /** What the region has names for, in order of names. */
  names(): NamedEntry[] {
    this.session.assertOpen()
    return this.catalog.names()
  }

  /**
   * Compares the pages of the file with their checksums, on another thread, and then walks
   * everything that can be reached and checks it. Damage is reported, never thrown: so is a file
   * that cannot be read to its end, and then nothing is said of what is in it (`bytes` are 0).
   * `onProgress` is told of twice as many cells as there are about: of half of them while the pages
   * are compared, in proportion.
   * Throws RSTORE_NO_SPACE, or RSTORE_READ_ONLY, where pages cannot be told from damaged ones until
   * a checkpoint that was left half way is made again.
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    checkVerifyOptions(options)
    this.session.assertOpen()
    const progress = new VerifyProgress(this.session, options)
    const damaged = await this.session.damagedPages({ onProgress: progress.pages }).then(
      (pages) => pages.map(pageProblem), (error: unknown) => [damageProblem(error)])
    progress.assertGoesOn()
    this.session.assertOpen()
    const report = reporting(() => verifySession(this.session, this.catalog, progress.cells))
    progress.assertGoesOn()
    return withProblems(report, damaged)
  }

  stats(): RegionStats {
    this.session.assertOpen()
    return this.session.stats()
  }

  /** Ends every view and map of this handle. The last handle to close leaves the file complete. */
  close(): void {
    this.session.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** A region that this handle only reads. */
export abstract class ReadRegion extends RegionBase {
  /**
   * Opens a named map. Throws RSTORE_NOT_FOUND when there is none (a writable region makes it), and
   * RSTORE_TYPE_MISMATCH when it is stored with other types.
   */
  map<K, V>(name: string, key: Type<K, any>, value: Type<V, any>): ReadMap<K, Frozen<V>> {
    this.session.assertOpen()
    return this.catalog.map(name, key, value) as unknown as ReadMap<K, Frozen<V>>
  }

  /** Opens a named multimap; as `map`. */
  multimap<K, V>(name: string, key: Type<K, any>, value: Type<V, any>): Frozen<RMultimap<K, V>> {
    this.session.assertOpen()
    return this.catalog.multimap(name, key, value) as unknown as Frozen<RMultimap<K, V>>
  }

  /** Opens a named value; as `map`. */
  value<V>(name: string, type: Type<V, any>): { get(): Frozen<V> | undefined } {
    this.session.assertOpen()
    return this.catalog.value(name, type) as unknown as { get(): Frozen<V> | undefined }
  }

  /**
   * The record at a ref, read as the version of its type that it was written as. Throws
   * RSTORE_DANGLING_REF when there is none.
   */
  deref<V>(ref: Ref<V>): Frozen<V> {
    return derefCell(this.session, ref) as Frozen<V>
  }
}
