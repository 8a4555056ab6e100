/**
 * Writers and readers on one region, killed at random and replaced: no commit is lost, and nobody
 * sees half of one.
 */
import * as assert from 'uvu/assert'
import { Region } from 'rstore'
import { Child } from '../harness/child.js'
import { verifyWhole } from '../harness/verify.js'
import { checkBank, logOf, makeBank } from './bank.js'
import { machineMs } from './clocks.js'
import { Random } from './random.js'

export interface Plan {
  path: string
  seconds: number
  seed: number
  writers: number
  readers: number
  /** Told about ten times a second. */
  onProgress?(seconds: number, result: Result): void
}

export interface Result {
  commits: number
  reads: number
  kills: number
  /**
   * From the death of a writer to the next commit of another, at most, less what that one waited
   * for a processor meanwhile.
   */
  longestBlockMs: number
  /** The same, for each commit that had begun when a writer died. */
  longestWaitMs: number
  /** What was taken off, at most: what the machine has not given to a member. */
  lagMs: number
}

/** A dead writer must not block the others for longer. */
const BLOCK_LIMIT_MS = 1000

interface Member {
  child: Child<Said>
  role: string
  hasCommitted: boolean
}

interface Said {
  committed?: number
  tag?: string
  /**
   * Of a commit, on the clock of the machine, which is one for all processes. One that waited for
   * the disk, which is nobody's death, ended when it had the lock.
   */
  begunMs?: number
  endedMs?: number
  /** What the member waited for a processor since it last said something. */
  lagMs?: number
  read?: number
}

const NO_DELAY = { longestBlockMs: 0, longestWaitMs: 0, lagMs: 0 }

class Torture {
  readonly result: Result = { commits: 0, reads: 0, kills: 0, ...NO_DELAY }
  private readonly random: Random
  private readonly members: Member[] = []
  private readonly tags = new Map<number, string>()
  private newest = 0
  /** Deaths of writers after which no commit was heard of yet; the first one. */
  private writerDiedMs = 0
  private readonly deathsMs: number[] = []
  private failure: Error | undefined

  constructor(readonly plan: Plan) {
    this.random = new Random(plan.seed)
  }

  private start(role: string): Member {
    const seed = String(this.random.below(2 ** 31))
    const child = new Child<Said>('dist/tests/processes/torture-member.js', [
      this.plan.path,
      role,
      seed,
    ])
    const member = { child, role, hasCommitted: false }
    void this.listen(member)
    return member
  }

  private async listen(member: Member): Promise<void> {
    const { child } = member
    for (let said = await child.next(); said !== undefined; said = await child.next()) {
      try {
        this.hear(member, said)
      } catch (error) {
        this.failure ??= error as Error
      }
    }
    const { code } = await child.ended
    if (code !== null && code !== 0)
      this.failure ??= new Error(`a member failed:\n${child.errorOutput}`)
  }

  private hear(member: Member, said: Said): void {
    const { committed, tag, read } = said
    if (read !== undefined) this.result.reads++
    if (committed === undefined) return
    this.result.commits++
    member.hasCommitted = true
    assert.not(
      this.tags.get(committed),
      `transaction ${committed} was committed twice: one was lost`,
    )
    this.tags.set(committed, tag!)
    this.newest = Math.max(this.newest, committed)
    this.judge(said as Required<Said>)
  }

  /** What is heard now may have been said before somebody died: its own times count. */
  private judge({ begunMs, endedMs, lagMs }: Required<Said>): void {
    const { result } = this
    result.lagMs = Math.max(result.lagMs, lagMs)
    const death = this.deathsMs.find((ms) => ms >= begunMs && ms < endedMs)
    if (death !== undefined) {
      result.longestWaitMs = Math.max(result.longestWaitMs, endedMs - death - lagMs)
    }
    if (this.writerDiedMs === 0 || endedMs < this.writerDiedMs) return
    result.longestBlockMs = Math.max(result.longestBlockMs, endedMs - this.writerDiedMs - lagMs)
    this.writerDiedMs = 0
  }

  private async replace(index: number): Promise<void> {
    const { child, role } = this.members[index]!
    this.result.kills++
    const others = this.members.filter((_, i) => i !== index)
    if (role === 'writer') this.noteDeath(others)
    await child.kill()
    this.members[index] = this.start(role)
  }

  private noteDeath(others: readonly Member[]): void {
    const now = machineMs()
    this.deathsMs.push(now)
    // Those that only just start do not count as blocked.
    const isAnyWriting = others.some(({ hasCommitted }) => hasCommitted)
    if (!isAnyWriting) this.writerDiedMs = 0
    else if (this.writerDiedMs === 0) this.writerDiedMs = now
  }

  /** Everybody at once: the next to open recovers. */
  private async replaceAll(): Promise<void> {
    this.result.kills += this.members.length
    await Promise.all(this.members.map(({ child }) => child.kill()))
    this.writerDiedMs = 0
    for (const [index, { role }] of this.members.entries()) this.members[index] = this.start(role)
  }

  private async step(): Promise<void> {
    const pause = 50 + this.random.below(300)
    await new Promise((resolve) => setTimeout(resolve, pause))
    for (const { child, role } of this.members) {
      if (role === 'reader') child.send({ acknowledged: this.newest })
    }
    if (this.random.below(40) === 0) await this.replaceAll()
    else await this.replace(this.random.below(this.members.length))
  }

  async run(): Promise<Result> {
    const { plan } = this
    makeBank(plan.path)
    for (let i = 0; i < plan.writers; i++) this.members.push(this.start('writer'))
    for (let i = 0; i < plan.readers; i++) this.members.push(this.start('reader'))
    const begun = performance.now()
    const secondsSince = (): number => (performance.now() - begun) / 1000
    try {
      while (secondsSince() < plan.seconds && this.failure === undefined) {
        await this.step()
        plan.onProgress?.(secondsSince(), this.result)
      }
    } finally {
      await this.stop()
    }
    if (this.failure !== undefined) throw this.failure
    await this.checkEnd()
    const longestMs = Math.max(this.result.longestBlockMs, this.result.longestWaitMs)
    assert.ok(longestMs < BLOCK_LIMIT_MS, `blocked for ${longestMs} ms`)
    return this.result
  }

  private async stop(): Promise<void> {
    for (const { child } of this.members) child.send({ stop: true })
    const late = setTimeout(() => {
      this.failure ??= new Error('a member did not stop')
      for (const { child } of this.members) void child.kill()
    }, 20_000)
    await Promise.all(this.members.map(({ child }) => child.ended))
    clearTimeout(late)
    await new Promise((resolve) => setImmediate(resolve))
  }

  private async checkEnd(): Promise<void> {
    const region = Region.open(this.plan.path)
    const last = checkBank(region)
    assert.ok(last >= this.newest, `${last}, but ${this.newest} was acknowledged`)
    for (const [n, text] of logOf(region).entries()) {
      const tag = this.tags.get(n)
      if (tag !== undefined)
        assert.is(text, `${n}:${tag}`, 'an acknowledged transaction was replaced')
    }
    await verifyWhole(region)
    region.close()
  }
}

export const torture = (plan: Plan): Promise<Result> => new Torture(plan).run()
