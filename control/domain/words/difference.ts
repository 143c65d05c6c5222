/**
 * Changed objects of a cluster as sentences: what an operator reads of a dry run and of a difference
 * between two revisions. Each sentence holds alone, names what it is about, and follows from the objects.
 */
import { canonicalText } from '#wire/digest.ts'
import type {
  BackendObject,
  KeysObject,
  PositionObject,
  RouteObject,
  SnapshotObject,
  WorkloadObject,
} from '#wire/object.ts'
import { inWords } from './list.ts'
import { positionWords } from './position.ts'
import { routeWords } from './route.ts'

export interface ObjectChange {
  readonly key: string
  /** Null: it was not there. */
  readonly before: SnapshotObject | null
  /** Null: it is gone. */
  readonly after: SnapshotObject | null
}

/** Where traffic goes first, then how it gets there, then what runs; by key within. */
export const wordsOf = (changes: readonly ObjectChange[]): string[] =>
  changes.toSorted(byImportance).flatMap((change) => {
    const words = wordsOfOne(change)
    const { key, before, after } = change
    const isSame = canonicalText(before) === canonicalText(after)
    return words.length > 0 || isSame ? words : [`${key} changes.`]
  })

function wordsOfOne({ before, after }: ObjectChange): string[] {
  switch ((after ?? before)?.kind) {
    case 'position':
      return positionWords(before as PositionObject | null, after as PositionObject | null)
    case 'route':
      return routeWords(before as RouteObject | null, after as RouteObject | null)
    case 'backend':
      return backendWords(before as BackendObject | null, after as BackendObject | null)
    case 'workload':
      return workloadWords(before as WorkloadObject | null, after as WorkloadObject | null)
    case 'keys':
      return keysWords(before as KeysObject | null, after as KeysObject | null)
    case undefined:
      return []
  }
}

const kinds = ['position', 'route', 'backend', 'workload', 'keys'] as const

function byImportance(a: ObjectChange, b: ObjectChange): number {
  const rank = ({ before, after }: ObjectChange) => kinds.indexOf((after ?? before)?.kind ?? 'keys')
  return rank(a) - rank(b) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
}

function backendWords(before: BackendObject | null, after: BackendObject | null): string[] {
  if (!after) return before ? [`${before.release} cannot take traffic any more.`] : []
  const { release, version } = after
  const words = before ? [] : [`${release} (version ${version}) can take traffic.`]
  if (before && before.version !== version) {
    words.push(`${release} is version ${version} (before: ${before.version}).`)
  }
  if (before && before.platform !== after.platform) {
    words.push(`The endpoints of ${release} come from the platform ${after.platform}.`)
  }
  const shares = (after.shares ?? []).filter((one) => !before?.shares?.includes(one))
  if (shares.length > 0) {
    words.push(`Ready endpoints of ${inWords(shares)} count as endpoints of ${release}.`)
  }
  const own = (before?.shares ?? []).filter((one) => !after.shares?.includes(one))
  if (own.length > 0) {
    words.push(`Endpoints of ${inWords(own)} do not count as endpoints of ${release} any more.`)
  }
  if (after.links && !before?.links) words.push(`Signed preview links may lead to ${release}.`)
  if (before?.links && !after.links) {
    words.push(`Signed preview links to ${release} are answered 503.`)
  }
  return words
}

/** What copies run, in a word. */
const contentsOf = ({ program, kubernetes }: WorkloadObject): string =>
  kubernetes?.image ?? kubernetes?.deployment ?? program ?? 'nothing'

function workloadWords(before: WorkloadObject | null, after: WorkloadObject | null): string[] {
  if (!after) return before ? [`The copies of ${before.release} are stopped.`] : []
  const { release, copies, version, rolling } = after
  const what = contentsOf(after)
  const words: string[] = []
  if (!before) {
    words.push(`${release} runs ${copiesText(copies)} of ${what}, version ${version}.`)
  } else if (before.copies !== copies) {
    words.push(`${release} runs ${copiesText(copies)} (before: ${before.copies}).`)
  }
  if (before && contentsOf(before) !== what) {
    words.push(`The copies of ${release} run ${what} (before: ${contentsOf(before)}).`)
  }
  const [service, former] = [after.kubernetes?.service, before?.kubernetes?.service]
  if (service && service !== former) words.push(`The Service ${service} selects ${release}.`)
  if (former && former !== service) words.push(`The Service ${former} leaves ${release}.`)
  if (before?.rolling && !rolling) {
    words.push(`The copies of ${release} replace no others any more.`)
  }
  if (rolling && !before?.rolling) {
    const { maxSurge, maxUnavailable, replaces } = rolling
    words.push(
      `They replace the copies of ${inWords(replaces)}: at most ${maxSurge} too many and ${maxUnavailable} too few at a time.`,
    )
  }
  if (rolling && rolling.paused !== (before?.rolling?.paused ?? false)) {
    words.push(`The replacement of copies by ${release} ${rolling.paused ? 'pauses' : 'goes on'}.`)
  }
  return words
}

const copiesText = (copies: number): string => (copies === 1 ? '1 copy' : `${copies} copies`)

function keysWords(before: KeysObject | null, after: KeysObject | null): string[] {
  const held = before?.publicKeys ?? []
  const pinned = after?.publicKeys ?? []
  const short = (keys: readonly string[]) => inWords(keys.map((key) => `${key.slice(0, 12)}…`))
  const added = pinned.filter((key) => !held.includes(key))
  const dropped = held.filter((key) => !pinned.includes(key))
  return [
    ...(added.length > 0 ? [`Agents pin the signing keys ${short(added)} too.`] : []),
    ...(dropped.length > 0 ? [`Agents pin the signing keys ${short(dropped)} no more.`] : []),
  ]
}
