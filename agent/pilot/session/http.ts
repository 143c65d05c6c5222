/**
 * A session with control itself: server-sent announcements, buckets by GET, reports by POST. Control
 * breaks the silence of a stream often, so a silent stream is a dead one.
 */
import { readBucketLines } from '#wire/bucket-lines.ts'
import { limits } from '#wire/limits.ts'
import { agentPaths } from '#wire/subjects.ts'
import { eventStreamReader } from './event-stream.ts'
import type { Session } from './session.ts'

export interface HttpSessionOptions {
  /** Control's base URL. */
  readonly url: string
  readonly cluster: string
  readonly agent: string
  /** This agent's bearer token, read at each call. */
  readonly token: string
  /** A stream that says nothing for so long is dead. */
  readonly silentAfterMs?: number
}

/** The field name and a line end around the largest announcement. */
const eventLineBytesMax = limits.announcementBytes + 16
const indexBytesMax = 65_536
const problemBytesMax = 65_536
/** As many as a table can hold, with the JSON around them. */
const bucketsBytesMax = 4 * limits.tableBytes

/** Control's "no", with the stable code of its problem document. */
class Answered extends Error {
  override readonly name = 'Answered'
  readonly code: string

  constructor(path: string, status: number, code: string) {
    super(`${path}: control answered ${status} ${code}`)
    this.code = code
  }
}

export function createHttpSession(options: HttpSessionOptions): Session {
  const { url, cluster, silentAfterMs = limits.agentSilentAfterMs } = options
  const paths = agentPaths(cluster)
  const closing = new AbortController()

  async function ask(path: string, signal: AbortSignal, more: RequestInit = {}): Promise<Response> {
    const answer = await fetch(new URL(path, url), {
      ...more,
      headers: { authorization: `Bearer ${options.token}`, ...more.headers },
      redirect: 'error',
      signal: AbortSignal.any([signal, closing.signal]),
    })
    if (answer.ok) return answer
    const said = await readAtMost(answer, problemBytesMax).catch(() => new Uint8Array())
    throw new Answered(path, answer.status, codeOf(said))
  }
  async function get(path: string, bytesMax: number, signal: AbortSignal) {
    const answer = await ask(path, signal)
    return answer.status === 204 ? null : readAtMost(answer, bytesMax)
  }

  async function listen(onAnnouncement: (bytes: Uint8Array) => void, signal: AbortSignal) {
    const silent = new AbortController()
    const watch = setTimeout(
      () => silent.abort(new Error(`announcements were silent for ${silentAfterMs} ms`)),
      silentAfterMs,
    )
    try {
      const accept = { accept: 'text/event-stream' }
      const stream = await ask(paths.announcements, AbortSignal.any([signal, silent.signal]), {
        headers: accept,
      })
      const take = eventStreamReader(eventLineBytesMax, onAnnouncement)
      for await (const chunk of stream.body ?? []) {
        watch.refresh()
        take(chunk)
      }
    } finally {
      clearTimeout(watch)
    }
    throw new Error('control ended the stream of announcements')
  }

  return {
    async subscribe(onAnnouncement, signal) {
      try {
        await listen(onAnnouncement, signal)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    },
    header: (signal) => get(paths.header, limits.announcementBytes, signal),
    index: (signal) => get(paths.index, indexBytesMax, signal),
    async buckets(ids, signal) {
      if (ids.length === 0) return new Map()
      const body = await get(`${paths.buckets}?ids=${ids.join(',')}`, bucketsBytesMax, signal)
      return readBucketLines(body ?? new Uint8Array())
    },
    async report(bytes, signal) {
      const headers = { 'content-type': 'application/json' }
      const sent = { method: 'POST', headers, body: bytes as BufferSource }
      try {
        const answer = await ask(paths.reports, signal, sent)
        await answer.body?.cancel()
      } catch (error) {
        // A newer report has overtaken this one on another connection: nothing is lost.
        if (!(error instanceof Answered) || error.code !== 'older') throw error
      }
    },
    async close() {
      closing.abort(new Error('the session is closed'))
    },
  }
}

async function readAtMost(answer: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body ?? []) {
    length += chunk.length
    if (length > bytesMax) throw new Error(`an answer is longer than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The stable code of a problem document, for the log. */
function codeOf(body: Uint8Array): string {
  try {
    const { code } = JSON.parse(new TextDecoder().decode(body)) as { code?: unknown }
    return typeof code === 'string' ? code : ''
  } catch {
    return ''
  }
}
