/**
 * Follows a collection of the API server: a list, then watches from its version, for ever. Our own loop,
 * because the library's informer lets a watch be silent for ever when bookmarks come, keeps its objects
 * whole, goes on from a version that the server has never had, and stops at the first error.
 *
 * What a watch says is believed only while there is proof that it would have said everything:
 *
 *   it ends in its time, with a bookmark before that    watch on from there
 *   it breaks, is silent, ends without a bookmark       list anew
 *   410, a version that goes back                       list anew
 *   it is `relistMs` since the last list                list anew
 */
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type BackoffBounds, backoffMs } from '../../../backoff.ts'
import { reasonOf } from '../../../reason.ts'
import type { KubernetesClient } from './client.ts'
import { isGone, KubernetesError, statusOf } from './kubernetes-error.ts'
import { linesOf } from './lines.ts'

/** The newest version that was seen, kept by who begins anew with a part of the same objects. */
export interface SeenVersion {
  newest: string
}

export interface Followed<T> {
  readonly path: string
  readonly labelSelector?: string
  /** More are not listed: that is a trouble, and what was told last stays. */
  readonly countMax?: number
  readonly version?: SeenVersion
  /** What is kept of an object. */
  read(object: unknown): T
  /**
   * All that there is; what is not in it is gone. `wentBack`: its version is older than what was seen before, as
   * after a restore of etcd.
   */
  onListed(objects: readonly T[], wentBack: boolean): void
  onChanged(object: T): void
  onRemoved(object: T): void
  /** A watch is open: the server is there, and grants it. */
  onOpened?(): void
  /** The server is away or refuses: what was told last stays. Said once, until a watch opens again. */
  onTrouble(text: string): void
  /** Asked after every failure, also of those that a list mends; false: it ends. */
  goesOn?(error: unknown): boolean
}

export interface ListWatchTiming {
  /** A watch lasts between one and two times this: servers and agents do not move in step. */
  readonly watchSeconds: number
  /** A watch that has not ended this long after its time is silent. */
  readonly graceMs: number
  readonly relistMs: number
  readonly backoff: BackoffBounds
  /** What lasted this long was not a failure: the next pause is a short one. */
  readonly steadyMs: number
}

export const listWatchTiming: ListWatchTiming = {
  // A real server marks watches of 8 s and more (tried with 1.37), 2.5 s before their end.
  watchSeconds: 30,
  graceMs: 3_000,
  relistMs: 300_000,
  backoff: { firstMs: 50, mostMs: 5_000 },
  steadyMs: 5_000,
}

/** What is read of a page is kept, and the rest is garbage at once: pods are 5 kB and more each. */
const pageObjects = 25
/** Of one collection: it bounds what one list holds in memory. */
export const objectsMax = 20_000
/** A slice has at most 1,000 endpoints of about 400 bytes, and etcd takes no object of 1.5 MB. */
const lineBytesMax = 4_194_304
const listMs = 30_000
/** What is mended by a list is no trouble, unless it comes again and again. */
const quietAttempts = 5

const version = z.string().min(1).max(64)
const page = z.object({
  metadata: z.object({ resourceVersion: version, continue: z.string().optional() }),
  items: z.array(z.unknown()),
})
const watchEvent = z.object({ type: z.string(), object: z.unknown() })
const versioned = z.object({ metadata: z.object({ resourceVersion: version }) })

/** Ends when `signal` does, or what is followed is over. */
export async function followObjects<T>(
  client: KubernetesClient,
  followed: Followed<T>,
  signal: AbortSignal,
  timing: ListWatchTiming = listWatchTiming,
): Promise<void> {
  let attempt = 0
  let troubled = false
  const { version: seen = { newest: '0' } } = followed
  while (!signal.aborted) {
    const startMs = performance.now()
    try {
      const { objects, version } = await list(client, followed, signal)
      followed.onListed(objects, isOlder(version, seen.newest))
      seen.newest = version
      await watchFrom(performance.now() + jittered(timing.relistMs))
      attempt = 0
    } catch (error) {
      if (signal.aborted || followed.goesOn?.(error) === false) return
      const quiet = (error instanceof WatchOver || isGone(error)) && attempt < quietAttempts
      if (!quiet && !troubled) {
        troubled = true
        followed.onTrouble(`${client.server}: ${reasonOf(error)}`)
      }
      if (performance.now() - startMs > timing.steadyMs) attempt = 0
      const asked = error instanceof KubernetesError ? (error.retryAfterMs ?? 0) : 0
      const backoff = backoffMs(++attempt, timing.backoff, Math.random())
      await delay(Math.max(backoff, jittered(asked)), undefined, { signal }).catch(() => {})
    }
  }

  /** Returns when it is time for a new list; throws when there is a reason for one. */
  async function watchFrom(relistAtMs: number): Promise<void> {
    while (performance.now() < relistAtMs && !signal.aborted) {
      await watchOnce(client, followed, seen.newest, signal, timing, {
        opened() {
          troubled = false
          followed.onOpened?.()
        },
        seen(version) {
          seen.newest = version
        },
      })
    }
  }
}

/** Why a watch is over that is not worth telling: the list that follows mends it. */
class WatchOver extends Error {
  override readonly name = 'WatchOver'
}

async function list<T>(
  client: KubernetesClient,
  { path, labelSelector, read, countMax = objectsMax }: Followed<T>,
  signal: AbortSignal,
): Promise<{ readonly objects: readonly T[]; readonly version: string }> {
  const objects: T[] = []
  let next: string | undefined
  for (;;) {
    // Without a version: not from a cache that may be behind what was told before.
    const query = { labelSelector, limit: pageObjects, continue: next }
    const answer = await client.call({ method: 'GET', path, query, signal, timeoutMs: listMs })
    const { metadata, items } = page.parse(answer)
    if (objects.length + items.length > countMax) {
      throw new Error(
        `${path} has more than ${countMax} objects, which is more than an agent takes: what was known before stays`,
      )
    }
    for (const item of items) objects.push(read(item))
    next = metadata.continue || undefined
    if (next === undefined) return { objects, version: metadata.resourceVersion }
  }
}

/** One watch; returns when it ended as it should. */
async function watchOnce<T>(
  client: KubernetesClient,
  { path, labelSelector, read, onChanged, onRemoved }: Followed<T>,
  from: string,
  signal: AbortSignal,
  { watchSeconds, graceMs }: ListWatchTiming,
  notes: { opened(): void; seen(version: string): void },
): Promise<void> {
  const seconds = Math.ceil(watchSeconds * (1 + Math.random()))
  const silence = new AbortController()
  const lastsMs = seconds * 1_000 + graceMs
  const watchdog = setTimeout(() => {
    silence.abort(new Error(`a watch was silent: it did not end within ${lastsMs} ms`))
  }, lastsMs)
  const either = AbortSignal.any([signal, silence.signal])
  let at = from
  let marked = false
  try {
    const query = {
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds: seconds,
      resourceVersion: from,
      labelSelector,
    }
    const response = await client.open(path, query, either)
    notes.opened()
    for await (const line of linesOf(response, lineBytesMax)) {
      const { type, object } = watchEvent.parse(JSON.parse(line))
      if (type === 'ERROR')
        throw new KubernetesError(`watch ${path}`, statusOf(0, undefined, object))
      const next = versioned.parse(object).metadata.resourceVersion
      if (isOlder(next, at)) throw new WatchOver(`versions went back from ${at} to ${next}`)
      at = next
      notes.seen(at)
      marked ||= type === 'BOOKMARK'
      if (type === 'BOOKMARK') continue
      if (type === 'DELETED') onRemoved(read(object))
      else onChanged(read(object))
    }
  } catch (error) {
    if (silence.signal.aborted) throw silence.signal.reason
    // A connection that breaks is not worth a word, if the list that follows succeeds.
    throw isBroken(error) ? new WatchOver('the connection broke', { cause: error }) : error
  } finally {
    clearTimeout(watchdog)
    silence.abort()
  }
  if (!marked) throw new WatchOver('a watch ended without a bookmark')
}

/** The system's error, or its wrapping: those have codes. */
function isBroken(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  return typeof (cause as NodeJS.ErrnoException | null)?.code === 'string'
}

/** Versions are decimal numbers that grow (KEP-5504); smaller ones come from an etcd that was restored. */
const isOlder = (one: string, other: string) => Number(one) < Number(other)

const jittered = (ms: number) => ms * (1 + Math.random() / 4)
