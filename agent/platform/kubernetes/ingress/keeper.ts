/**
 * While this agent holds the Lease: what control has of the cluster's Ingress objects is made what they say.
 * Each object that differs by its hash is put whole, what is gone is removed, the oldest come first. Control's
 * list is read anew now and then, after a fault, and until every agent serves what was put: then the status
 * is written. What was refused is told once and tried again with each list; so is a Warning Event that could not
 * be written.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { IngressIntent } from '#wire/ingress.ts'
import { limits } from '#wire/limits.ts'
import type { Say } from '#wire/log-line.ts'
import { backoffMs } from '../../../backoff.ts'
import { reasonOf } from '../../../reason.ts'
import type { IngressDesk, IngressRefusal, KnownIngress } from '../../platform.ts'
import type { KubernetesClient } from '../api/client.ts'
import type { ListWatchTiming } from '../api/list-watch.ts'
import type { IngressObject } from './object.ts'
import { followIngressObjects, type IngressObjects } from './objects.ts'
import { translateIngress } from './translation.ts'
import { addressesOf, createIngressWrites, type IngressWrites } from './writes.ts'

export interface IngressKeeperOptions {
  readonly client: KubernetesClient
  readonly desk: IngressDesk
  readonly isHolder: () => boolean
  /** Of the agent, in Events. */
  readonly name: string
  readonly classes: readonly string[]
  readonly addresses: readonly string[]
  readonly log: Say
  readonly watchTiming?: ListWatchTiming
  readonly timing?: IngressTiming
}

export interface IngressTiming {
  readonly leaseMs: number
  /** Between two readings of control's list, when all is served and when not. */
  readonly restingMs: number
  readonly servingMs: number
}

export const ingressTiming: IngressTiming = { leaseMs: 500, restingMs: 30_000, servingMs: 500 }

const again = { firstMs: 250, mostMs: 10_000 }
const saidMax = 4_096

/** Ends with `signal`. */
export async function keepIngresses(
  options: IngressKeeperOptions,
  signal: AbortSignal,
): Promise<void> {
  const { isHolder, timing = ingressTiming } = options
  while (!signal.aborted) {
    if (isHolder()) {
      const leading = new AbortController()
      const look = setInterval(() => {
        if (!isHolder()) leading.abort()
      }, timing.leaseMs)
      await lead(options, timing, AbortSignal.any([signal, leading.signal]))
      clearInterval(look)
      leading.abort()
    } else await pause(timing.leaseMs, signal)
  }
}

async function lead(
  { client, desk, name, classes, addresses, log, watchTiming }: IngressKeeperOptions,
  timing: IngressTiming,
  signal: AbortSignal,
): Promise<void> {
  const say = createSaying(log)
  let wake = new AbortController()
  const objects = followIngressObjects(
    client,
    classes,
    { onChange: () => wake.abort(), onTrouble: (text) => say('ingress-trouble', text) },
    signal,
    watchTiming,
  )
  const writes = createIngressWrites(client, name, (text) => say('ingress-trouble', text), signal)
  const round = createRound({ desk, objects, writes, addresses, say })
  let listAtMs = 0
  let failures = 0
  while (!signal.aborted) {
    const { signal: woken } = wake
    let pauseMs = timing.restingMs
    try {
      if (objects.listed()) {
        if (performance.now() >= listAtMs) await round.list(signal)
        pauseMs = (await round.settle(signal)) ? timing.restingMs : timing.servingMs
        listAtMs = performance.now() + pauseMs
      }
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      say('ingress-trouble', reasonOf(error))
      pauseMs = backoffMs(++failures, again, Math.random())
      listAtMs = 0
    }
    if (!woken.aborted) await pause(pauseMs, AbortSignal.any([signal, woken]))
    if (woken.aborted) wake = new AbortController()
  }
}

interface RoundOptions {
  readonly desk: IngressDesk
  readonly objects: IngressObjects
  readonly writes: IngressWrites
  readonly addresses: readonly string[]
  readonly say: Saying
}

function createRound({ desk, objects, writes, addresses, say }: RoundOptions) {
  const known = new Map<string, KnownIngress>()
  /** Hash that was refused since the last list. */
  const refused = new Map<string, string>()
  /** Control shows why: it is told when they are gone. */
  const shownRefused = new Map<string, Pick<KnownIngress, 'namespace' | 'name'>>()
  const translated = createTranslated(objects)
  /** Hash whose Warning Events are written; `unsaid`: that could not be, since the last list. */
  const told = new Map<string, string>()
  const unsaid = new Map<string, string>()
  const claims = new Map<string, string>()

  async function put(
    id: string,
    ingress: IngressObject,
    intent: IngressIntent,
    signal: AbortSignal,
  ) {
    const { namespace, name } = ingress.metadata
    const refusal = await desk.put(namespace, name, intent, signal)
    if (refusal) {
      refused.set(id, intent.hash)
      shownRefused.set(id, { namespace, name })
      const text = wordsOf(refusal)
      say('ingress-refused', `Ingress ${id}: ${text}`, { ingress: id })
      await writes.warn(ingress, 'Refused', [text])
      return
    }
    shownRefused.delete(id)
    const { uid, hash } = intent
    known.set(id, { namespace, name, uid, hash, served: false })
  }

  /** Whoever leads anew tells all again: Events that are there stay one. */
  async function tell(id: string, ingress: IngressObject, { hash, warnings }: IngressIntent) {
    if (told.get(id) === hash || unsaid.get(id) === hash) return
    const isTold = warnings.length === 0 || (await writes.warn(ingress, 'NotDone', warnings))
    ;(isTold ? told : unsaid).set(id, hash)
  }

  /** It was there first. Somebody who goes on asking is told of once. */
  async function tellClaim(id: string, ingress: IngressObject) {
    const claimed = known.get(id)?.claimed
    if (claimed === undefined || claims.get(id) === claimed) return
    if (await writes.warn(ingress, 'Conflict', [claimed])) claims.set(id, claimed)
  }

  return {
    async list(signal: AbortSignal): Promise<void> {
      const listed = await desk.list(signal)
      known.clear()
      refused.clear()
      unsaid.clear()
      for (const one of listed) known.set(idOf(one), one)
    },
    /** True when every agent serves all that there is. */
    async settle(signal: AbortSignal): Promise<boolean> {
      const ours = objects.ours()
      const ids = new Set(ours.map(({ ingress }) => idOf(ingress.metadata)))
      for (const [id, { namespace, name }] of [...shownRefused, ...known]) {
        if (ids.has(id)) continue
        const refusal = await desk.remove(namespace, name, signal)
        if (refusal) throw new Error(`Ingress ${id}: ${wordsOf(refusal)}`)
        known.delete(id)
        shownRefused.delete(id)
      }
      let settled = true
      for (const one of ours) {
        if (signal.aborted) return false
        const { ingress } = one
        const id = idOf(ingress.metadata)
        const intent = translated.of(one)
        const held = known.get(id)
        const isSame = held?.hash === intent.hash && held.uid === intent.uid
        if (!isSame && refused.get(id) !== intent.hash) await put(id, ingress, intent, signal)
        const now = known.get(id)
        if (now?.hash !== intent.hash) continue
        settled &&= now.served
        if (intent.routes.length === 0) await writes.status(ingress, [])
        else if (now.served) await writes.status(ingress, addressesOf(addresses, objects.service))
      }
      for (const one of ours) {
        if (signal.aborted) return false
        await tell(idOf(one.ingress.metadata), one.ingress, translated.of(one))
        await tellClaim(idOf(one.ingress.metadata), one.ingress)
      }
      translated.keep(ids)
      for (const id of told.keys()) if (!ids.has(id)) told.delete(id)
      for (const id of claims.keys()) if (!ids.has(id)) claims.delete(id)
      return settled
    },
  }
}

/** Translates again what has changed, and all when a class or a Service has. */
function createTranslated(objects: IngressObjects) {
  const made = new Map<
    string,
    { ingress: IngressObject; generation: number; intent: IngressIntent }
  >()
  return {
    of({ ingress, className }: ReturnType<IngressObjects['ours']>[number]): IngressIntent {
      const { namespace } = ingress.metadata
      const id = idOf(ingress.metadata)
      const generation = objects.generation()
      const held = made.get(id)
      if (held?.ingress === ingress && held.generation === generation) return held.intent
      const find = (name: string) => objects.service(namespace, name)
      const intent = translateIngress(ingress, className, find)
      made.set(id, { ingress, generation, intent })
      return intent
    },
    keep(ids: ReadonlySet<string>): void {
      for (const id of made.keys()) if (!ids.has(id)) made.delete(id)
    },
  }
}

const idOf = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}/${name}`
const wordsOf = ({ code, detail }: IngressRefusal): string =>
  `${code}: ${detail}`.slice(0, limits.reasonChars)

type Saying = Say

/** Each sentence once: what lasts is not told again and again. */
function createSaying(log: Say): Saying {
  const said = new Set<string>()
  return (code, text, fields) => {
    if (said.has(text)) return
    if (said.size >= saidMax) said.clear()
    said.add(text)
    log(code, text, fields)
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {})
}
