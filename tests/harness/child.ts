/** Processes that a test starts, speaks with in lines of JSON, and kills. */
import { spawn, type ChildProcess } from 'node:child_process'
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { inRoot } from './paths.js'

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
}

export class Child<Message = unknown> {
  readonly process: ChildProcess
  readonly ended: Promise<Ending>
  private readonly messages: Message[] = []
  private wake: () => void = () => {}
  private over = false
  private stderr = ''

  /**
   * @param script compiled, from the top of the checkout
   * @param through a command that starts the one behind it
   */
  constructor(
    script: string, args: readonly string[], env: Record<string, string> = {},
    through: readonly string[] = [],
  ) {
    const command = [...through, process.execPath, inRoot(script), ...args]
    this.process = spawn(command[0]!, command.slice(1), {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.process.stdin!.on('error', () => {}) // it may be dead
    this.process.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString()
    })
    const lines = createInterface({ input: this.process.stdout as Readable })
    lines.on('line', (line) => this.take(line))
    this.ended = new Promise((resolve) =>
      this.process.once('close', (code, signal) => {
        this.over = true
        this.wake()
        resolve({ code, signal })
      }),
    )
  }

  get pid(): number {
    return this.process.pid!
  }

  get errorOutput(): string {
    return this.stderr
  }

  private take(line: string): void {
    try {
      this.messages.push(JSON.parse(line) as Message)
    } catch {
      return // the rest of a line that a kill cut
    }
    this.wake()
  }

  /** The next message; undefined when the child has ended and said all. */
  async next(): Promise<Message | undefined> {
    while (this.messages.length === 0 && !this.over) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    return this.messages.shift()
  }

  /** As `next`; an early end is an error that shows what the child printed. */
  async expect(): Promise<Message> {
    const message = await this.next()
    if (message !== undefined) return message
    const { code, signal } = await this.ended
    throw new Error(`the child ended early (${signal ?? code}):\n${this.stderr}`)
  }

  /** Everything it has said that was not taken yet. */
  takeAll(): Message[] {
    return this.messages.splice(0)
  }

  send(message: unknown): void {
    this.process.stdin!.write(`${JSON.stringify(message)}\n`)
  }

  async kill(): Promise<Ending> {
    this.process.kill('SIGKILL')
    return this.ended
  }

  /** Waits for its end and throws when it did not end well. */
  async finish(): Promise<Message[]> {
    const { code, signal } = await this.ended
    if (code !== 0) throw new Error(`the child ended with ${signal ?? code}:\n${this.stderr}`)
    return this.takeAll()
  }
}

// ── the child's side ──

/** Says something to the parent, before anything else happens. */
export function say(message: unknown): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`)
  for (let done = 0; done < line.length;) {
    try {
      done += writeSync(1, line, done)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

/** What the parent says, line by line. */
export async function* heard(): AsyncGenerator<any> {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line)
}
