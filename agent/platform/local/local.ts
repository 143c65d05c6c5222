/**
 * The `local` platform as its agents see it: a client of `cluster.ts`. It follows the endpoint
 * stream, connects anew when the stream breaks or falls silent, and never forgets what it knew.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../../backoff.ts'
import type { Endpoint } from '../../link.ts'
import { reasonOf } from '../../reason.ts'
import type { DesiredWorkloads, Platform, PlatformListener, Workloads } from '../platform.ts'
import { heartbeatMs, paths, readsHeader, streamEvent } from './protocol.ts'

const reconnect = { firstMs: 50, mostMs: 2_000 }
const silentMs = 3 * heartbeatMs
const callMs = 2_000
const eventCharsMax = 8_388_608

export function createLocalPlatform(url: string): Platform {
  const closing = new AbortController()
  let following: Promise<void> = Promise.resolve()

  return {
    follow(listener) {
      following = followForever(url, listener, closing.signal)
    },
    setBackends() {},
    workloads: workloadsOf(url),
    async close() {
      closing.abort()
      await following
    },
  }
}

async function followForever(
  url: string,
  listener: PlatformListener,
  signal: AbortSignal,
): Promise<void> {
  let attempt = 0
  while (!signal.aborted) {
    try {
      await followOnce(url, signal, {
        ...listener,
        onEndpoints(endpoints) {
          attempt = 0
          listener.onEndpoints(endpoints)
        },
      })
    } catch (error) {
      if (signal.aborted) return
      if (attempt === 0) listener.onTrouble(`the platform at ${url} is away: ${reasonOf(error)}`)
    }
    const pauseMs = backoffMs(++attempt, reconnect, Math.random())
    await delay(pauseMs, undefined, { signal }).catch(() => {})
  }
}

async function followOnce(
  url: string,
  signal: AbortSignal,
  { onEndpoints, onReplacements, onTroubles }: PlatformListener,
): Promise<void> {
  const silence = new AbortController()
  const watchdog = setTimeout(() => silence.abort(new Error('the stream is silent')), silentMs)
  try {
    const response = await fetch(url + paths.endpoints, {
      headers: { [readsHeader.name]: readsHeader.value },
      signal: AbortSignal.any([signal, silence.signal]),
    })
    if (!response.ok || !response.body) throw new Error(`it answered ${response.status}`)
    let known: Record<string, readonly Endpoint[]> = {}
    let text = ''
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
      watchdog.refresh()
      text += part
      if (text.length > eventCharsMax) throw new Error('an event is too long')
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      const events = blocks.flatMap((block) => {
        return block.startsWith('data: ') ? [streamEvent.parse(JSON.parse(block.slice(6)))] : []
      })
      for (const event of events) {
        if (event.type === 'replacements') onReplacements(event.replacements)
        else if (event.type === 'troubles') onTroubles(event.troubles)
        else if (event.type === 'change') known = changed(known, event.release, event.endpoints)
        else {
          known = event.endpoints
          onReplacements([])
          onTroubles([])
        }
      }
      if (events.some(({ type }) => type === 'state' || type === 'change')) onEndpoints(known)
    }
    throw new Error('the stream ended')
  } finally {
    clearTimeout(watchdog)
    silence.abort()
  }
}

function changed(
  known: Readonly<Record<string, readonly Endpoint[]>>,
  release: string,
  endpoints: readonly Endpoint[],
): Record<string, readonly Endpoint[]> {
  const { [release]: _, ...rest } = known
  return endpoints.length > 0 ? { ...rest, [release]: endpoints } : rest
}

function workloadsOf(url: string): Workloads {
  const call = async (method: string, path: string, body: unknown, signal: AbortSignal) => {
    const response = await fetch(url + path, {
      method,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(callMs)]),
    })
    const answer = (await response.json()) as Record<string, unknown>
    return { status: response.status, answer }
  }

  return {
    async acquire(holder, signal) {
      const { answer } = await call('POST', paths.lease, { holder }, signal)
      return answer.held === true
    },
    async apply(holder, desired: DesiredWorkloads, signal) {
      // Those of other platforms are not for this one.
      const ours = desired.workloads.filter(({ program }) => program !== undefined)
      for (let attempt = 0; attempt < 3; attempt++) {
        const { answer: state } = await call('GET', paths.workloads, undefined, signal)
        const put = { holder, ...desired, workloads: ours, expected: state.version }
        const { status, answer } = await call('PUT', paths.workloads, put, signal)
        if (status === 200) return 'applied'
        if (answer.code === 'too-many-copies') return 'refused'
        if (answer.code === 'not-holder' || answer.code === 'older') return answer.code
        if (status !== 412) throw new Error(`the platform answered ${status} ${answer.code}`)
      }
      throw new Error('the workloads changed three times while they were written')
    },
  }
}
