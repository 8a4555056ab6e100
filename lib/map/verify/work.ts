/** What all parts of one verification work on. */
import type { Session } from '../../types/context.js'
import type { Ground } from './ground.js'
import { LiveCells } from './live-cells.js'
import { Findings, type VerifyOptions } from './report.js'
import { Trees } from './trees.js'

export interface Work {
  readonly session: Session
  readonly ground: Ground
  readonly findings: Findings
  readonly cells: LiveCells
  readonly trees: Trees
}

export function workOn(session: Session, ground: Ground, options: VerifyOptions): Work {
  const findings = new Findings(options)
  const cells = new LiveCells(session.space, ground, findings)
  const trees = new Trees(session.space, ground.endUnits, cells, findings)
  return { session, ground, findings, cells, trees }
}
