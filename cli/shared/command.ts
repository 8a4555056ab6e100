/** What a file in `commands/` exports. */
import type { Argv } from 'yargs'

/** Options of a command, checked and typed by yargs. */
export type Options = (yargs: Argv) => Argv<any>

/** The arguments that a command with these options is run with. */
export type ArgumentsOf<O extends Options> = ReturnType<O> extends Argv<infer A> ? A : never

export interface Command {
  options: Options
  /** Checks its arguments before it opens anything; throws what `report` tells. */
  run(args: any): void | Promise<void>
}

/** A command as the main program lists it; its file is loaded when it is needed. */
export interface Listing {
  /** As yargs wants it: `inspect <file>`. */
  command: string
  describe: string
  load(): Promise<Command>
}
