/** What leaves a turn for the agents, and how long the turn waits for it. */
import type { Publication } from './delivery/publisher-port.ts'
import type { State } from './domain/state.ts'
import { within } from './within.ts'

/** Null before `init`, and for a cluster that does not exist. */
export function publicationOf(state: State, cluster: string): Publication | null {
  const held = state.clusters.get(cluster)
  return held && state.epoch
    ? { epoch: state.epoch, revision: held.revision, format: state.format, tree: held.tree }
    : null
}

/** Longest that a turn waits for a header to go out: delivery goes on without it (P6). */
const publishWaitMs = 1_000

/** Whichever comes first: every header is out, or the bound. */
export async function bounded(outgoing: readonly Promise<void>[]): Promise<void> {
  if (outgoing.length === 0) return
  await within(Promise.allSettled(outgoing), publishWaitMs)
}
