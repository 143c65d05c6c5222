/** What `/table` shows: the snapshot, what is applied of it, and what each worker says it serves. */
import { objectsOf } from '#wire/tree.ts'
import type { Progress } from '../convergence.ts'
import { type Pods, placed } from '../endpoints/placed.ts'
import { reportedStanding } from '../workers/standing.ts'

export function tableView(
  progress: Progress,
  stale: boolean,
  nowMs: number,
  pods: Pods = new Map(),
) {
  const { held, standings, applied, served, workers, equal, drift, ready } = progress
  return {
    cluster: held?.header.cluster ?? null,
    epoch: held?.header.epoch ?? null,
    revision: held?.header.revision ?? null,
    digest: held?.header.digest ?? null,
    ready,
    stale,
    /** Every worker serves exactly this snapshot. */
    equal,
    drift,
    routes: held ? [...objectsOf(held.tree)].filter(({ kind }) => kind === 'route') : [],
    positions: [...applied.values()].map((position) => {
      const standing = standings.get(position.app)
      return { ...position, ...(standing ? reportedStanding(standing, nowMs) : {}) }
    }),
    endpoints: Object.fromEntries(
      Object.entries(served).map(([release, list]) => [release, placed(list, pods)]),
    ),
    workers: workers.map(({ pid, serving, differs }) => ({
      pid,
      table: serving?.tableDigest ?? null,
      positions: serving?.positions ?? {},
      endpoints: serving?.endpoints ?? {},
      differs,
    })),
  }
}
