/**
 * Makes what is there what is wanted: read, plan, prove that the lease is still ours, write; again until nothing
 * is missing.
 *
 *   read ──▶ plan ──▶ fence ──▶ write (each with the version that was read) ──▶ read …
 *
 * The order is what makes two holders at once harmless. Who takes the lease over first writes its place on every
 * object; a former holder that still writes has read before that, and misses. Only what it creates anew can
 * get through, and goes in the next round of the new one.
 */
import { reasonOf } from '../../../reason.ts'
import type { Answer, Cluster, Fault } from './cluster.ts'
import type { Place } from './labels.ts'
import { forbiddenWords, observe } from './observe.ts'
import type { NamespaceView } from './observed.ts'
import { plan } from './plan.ts'
import type { Wanted } from './wanted.ts'
import type { Note, Write, WriteGroup } from './write.ts'

export interface Fence {
  /** Whether we still hold the lease and nobody has applied a newer snapshot; and says that we apply this one. */
  prove(place: Place, signal: AbortSignal): Promise<'held' | 'not-holder' | 'older'>
  /** Objects of a former epoch stay for now. */
  keepsOrphans(): boolean
}

export interface Task {
  /** Switchyard's name of this cluster. */
  readonly name: string
  readonly place: Place
  readonly wanted: readonly Wanted[]
  /** The first time in this hold of the lease. */
  readonly stampAll: boolean
}

export interface Outcome {
  readonly state: 'applied' | 'not-holder' | 'older'
  /** Nothing was missing in the end. */
  readonly settled: boolean
  readonly troubles: ReadonlyMap<string, readonly string[]>
  /** What was read last; null when it did not come to that. */
  readonly views: ReadonlyMap<string, NamespaceView> | null
}

const roundsMax = 8
const groupsAtOnce = 8

export async function reconcile(
  cluster: Cluster,
  fence: Fence,
  { name, place, wanted, stampAll }: Task,
  onNote: (note: Note) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const refused = new Map<string, string>()
  let views: Outcome['views'] = null
  let troubles: Outcome['troubles'] = new Map()
  const outcome = (state: Outcome['state'], settled = false): Outcome => ({
    state,
    settled,
    troubles: withRefused(troubles, refused),
    views,
  })
  const first = await fence.prove(place, signal)
  if (first !== 'held') return outcome(first)

  for (let round = 0; round < roundsMax; round++) {
    views = await observe(cluster, wanted, signal)
    const keepOrphans = fence.keepsOrphans()
    const next = plan(views, wanted, { cluster: name, place, stampAll, keepOrphans })
    troubles = next.troubles
    if (next.newer) return outcome('older')
    const groups = next.groups.filter(({ release }) => !refused.has(release))
    if (groups.length === 0) {
      return outcome('applied', !next.waits && !keepOrphans && refused.size === 0)
    }
    const proven = await fence.prove(place, signal)
    if (proven !== 'held') return outcome(proven)
    await inParallel(groups, groupsAtOnce, async (group) => {
      const words = await writeGroup(cluster, group, onNote, signal).catch((error) => {
        signal.throwIfAborted()
        return reasonOf(error)
      })
      if (words !== null) refused.set(group.release, words)
    })
  }
  return outcome('applied')
}

/**
 * In words, the fault that asking again at once does not mend. One that throws is this group's alone: a webhook
 * that is away fails the writes of its namespace, and the next reading tells whether the API server is.
 */
async function writeGroup(
  cluster: Cluster,
  { writes }: WriteGroup,
  onNote: (note: Note) => void,
  signal: AbortSignal,
): Promise<string | null> {
  for (const write of writes) {
    const answer = await send(cluster, write, signal)
    if (answer.ok) {
      write.notes.forEach(onNote)
      continue
    }
    // Somebody was faster: what is right now is found by reading again.
    if (answer.code === 'conflict' || answer.code === 'exists') return null
    if (answer.code === 'not-found' && write.verb !== 'create') return null
    return wordsOf(answer, write)
  }
  return null
}

/** RBAC's sentence names the user: quotas and webhooks say no with the same status. */
function wordsOf({ code, message }: Fault, { ref }: Write): string {
  const isRole = code === 'forbidden' && /is forbidden: User ".*" cannot /.test(message)
  return isRole ? forbiddenWords(ref.namespace ?? '', message) : message
}

function send(cluster: Cluster, write: Write, signal: AbortSignal): Promise<Answer<unknown>> {
  switch (write.verb) {
    case 'create':
      return cluster.create(write.body, signal)
    case 'delete':
      return cluster.delete(write.ref, write.precondition, signal)
    case 'apply':
    case 'merge':
      return cluster.patch(write.ref, write.verb, write.resourceVersion, write.body, signal)
  }
}

async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}

function withRefused(
  troubles: Outcome['troubles'],
  refused: ReadonlyMap<string, string>,
): Outcome['troubles'] {
  const all = new Map(troubles)
  for (const [release, words] of refused) all.set(release, [words, ...(all.get(release) ?? [])])
  return all
}
