/** Trees of every use: each is checked, and its nodes and long keys are taken (Y1). */
import type { Ref } from '../../space/ref.js'
import type { Space } from '../../space/space.js'
import type { Window } from '../../space/window.js'
import { openTree } from '../../tree/open.js'
import { verifyTree } from '../../tree/verify.js'
import type { AnyTree } from '../handle.js'
import type { LiveCells } from './live-cells.js'
import type { Findings } from './report.js'

export class Trees {
  private readonly space: Space
  private readonly endUnits: number
  private readonly cells: LiveCells
  private readonly findings: Findings

  /** Every ref inside is below `endUnits`. */
  constructor(space: Space, endUnits: number, cells: LiveCells, findings: Findings) {
    this.space = space
    this.endUnits = endUnits
    this.cells = cells
    this.findings = findings
  }

  open(kind: Parameters<typeof openTree>[1], root: number): AnyTree {
    return openTree(this.space, kind, root as Ref) as AnyTree
  }

  /** Checks a tree and takes its nodes; the root has been taken when it is a value's cell. */
  take(
    tree: AnyTree,
    path: string,
    rootTaken: boolean,
    value?: (window: Window, at: number) => void,
  ): void {
    const problems = verifyTree(tree, this.endUnits, {
      node: (ref) => {
        if (ref !== tree.root || !rootTaken) this.cells.take(ref, `${path} (node)`)
      },
      spill: (ref) => void this.cells.take(ref, `${path} (key)`),
      ...(value === undefined ? {} : { value }),
    })
    for (const { code, ref, message } of problems)
      this.findings.add(code, ref, path, `${path}: ${message}`)
  }
}
