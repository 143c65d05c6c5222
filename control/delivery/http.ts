/**
 * The `http` transport: control itself keeps each cluster's newest announcement, index and buckets in
 * memory and serves them; announcements are server-sent events, reports are POSTed. On Web standards
 * only, so that any runtime can mount it. After a restart the memory is empty until the publisher has
 * written everything again.
 */
import { bucketLinesType, writeBucketLines } from '#wire/bucket-lines.ts'
import { type RefusalCode, refusals } from '#wire/codes.ts'
import { limits } from '#wire/limits.ts'
import { agentPaths } from '#wire/subjects.ts'
import { bucketCount } from '#wire/tree.ts'
import { readAtMost } from '../bounded-body.ts'
import { type Broadcast, createBroadcast } from './broadcast.ts'
import type { ReportListener, Transport } from './transport.ts'

export interface HttpTransport extends Transport {
  /**
   * Answers an agent's request below `/v1/agents/{cluster}/` (`agentPaths`): header, index, buckets,
   * announcements, reports. Who asks was checked by the caller.
   */
  respond(cluster: string, request: Request): Promise<Response>
}

export interface HttpTransportOptions {
  /** Silence on a stream of announcements is broken this often. */
  readonly heartbeatMs?: number
}

/** Each agent of a cluster, and once more while a former connection is not known to be dead. */
const subscribersMax = 2 * limits.agentsPerCluster

interface Place {
  header: Uint8Array | null
  index: Uint8Array | null
  readonly buckets: Map<number, Uint8Array>
  readonly broadcast: Broadcast
}

export function createHttpTransport(options: HttpTransportOptions = {}): HttpTransport {
  const places = new Map<string, Place>()
  let takeReport: ReportListener | null = null
  let closed = false

  function place(cluster: string): Place {
    const found = places.get(cluster)
    if (found) return found
    const broadcast = createBroadcast(options.heartbeatMs ?? limits.reportIntervalMs)
    const made: Place = { header: null, index: null, buckets: new Map(), broadcast }
    places.set(cluster, made)
    return made
  }

  return {
    async publishHeader(cluster, announcement) {
      const { broadcast } = place(cluster)
      place(cluster).header = announcement
      broadcast.send(announcement)
    },
    async storeBuckets(cluster, buckets) {
      for (const [bucket, bytes] of buckets) place(cluster).buckets.set(bucket, bytes)
    },
    async storeIndex(cluster, index) {
      place(cluster).index = index
    },
    readHeader: async (cluster) => place(cluster).header,
    readIndex: async (cluster) => place(cluster).index,
    readBuckets: async (cluster) => new Map(place(cluster).buckets),
    readReports: async () => [],
    onReport(listener) {
      takeReport = listener
    },
    onReconnect() {},
    connected: () => !closed,
    async close() {
      closed = true
      for (const { broadcast } of places.values()) broadcast.close()
    },
    async respond(cluster, request) {
      const url = new URL(request.url)
      const paths = agentPaths(cluster)
      const { method } = request
      if (closed) return refuse(503, 'overloaded', 'Control is stopping.')
      if (url.pathname === paths.reports) {
        if (method !== 'POST') return wrongMethod('POST')
        return takeReport ? answerReport(takeReport, cluster, request) : notYet()
      }
      if (method !== 'GET') return wrongMethod('GET')
      const { header, index, buckets, broadcast } = place(cluster)
      switch (url.pathname) {
        case paths.header:
          return stored(header)
        case paths.index:
          return stored(index)
        case paths.buckets:
          return answerBuckets(buckets, url.searchParams.get('ids') ?? '')
        case paths.announcements:
          if (broadcast.subscriberCount() >= subscribersMax) {
            return refuse(503, 'overloaded', 'Too many streams are open; try again later.')
          }
          return new Response(broadcast.subscribe(header), { headers: streamHeaders })
        default:
          return refuse(404, 'not-found', 'Nothing has this address.')
      }
    },
  }
}

async function answerReport(
  takeReport: ReportListener,
  cluster: string,
  request: Request,
): Promise<Response> {
  const bytes = await readAtMost(request, limits.reportBytes)
  const code: RefusalCode | null = bytes ? await takeReport(cluster, bytes) : 'oversize'
  if (code === null) return new Response(null, { status: 202, headers: fresh })
  return refuse(refusals[code].status, code, refusals[code].sentence)
}

function answerBuckets(buckets: ReadonlyMap<number, Uint8Array>, ids: string): Response {
  const numbers = ids.split(',').map((text) => (/^\d{1,3}$/.test(text) ? Number(text) : -1))
  const valid = numbers.every((number) => number >= 0 && number < bucketCount)
  if (!valid || numbers.length > limits.bucketsPerFetch) {
    return refuse(400, 'invalid-request', '`ids` lists bucket numbers from 0 to 255, by commas.')
  }
  const found = new Map<number, Uint8Array>()
  for (const number of numbers) {
    const bytes = buckets.get(number)
    if (bytes) found.set(number, bytes)
  }
  const parts = writeBucketLines(found)
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const part = parts.shift()
      if (part) controller.enqueue(part)
      else controller.close()
    },
  })
  return new Response(body, { headers: { ...fresh, 'content-type': bucketLinesType } })
}

const fresh = { 'cache-control': 'no-store' }
const streamHeaders = { ...fresh, 'content-type': 'text/event-stream' }

const stored = (bytes: Uint8Array | null): Response =>
  bytes === null
    ? new Response(null, { status: 204, headers: fresh })
    : new Response(bytes as BufferSource, {
        headers: { ...fresh, 'content-type': 'application/json' },
      })

/** RFC 9457; codes of messages between programs are in the same catalogue as the API's. */
const refuse = (status: number, code: string, detail: string): Response =>
  new Response(
    JSON.stringify({ type: `/docs/errors.md#${code}`, title: detail, status, code, detail }),
    { status, headers: { ...fresh, 'content-type': 'application/problem+json' } },
  )

const notYet = () => refuse(503, 'overloaded', 'Control has not started yet; try again later.')

function wrongMethod(allow: string): Response {
  const answer = refuse(405, 'method-not-allowed', `This address takes ${allow}.`)
  answer.headers.set('allow', allow)
  return answer
}
