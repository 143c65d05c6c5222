/** The routing snapshot of a cluster: content and positions, as they are or as they were at a revision. */
import { z } from 'zod'
import { type Epoch, epoch } from '#wire/header.ts'
import * as names from '#wire/names.ts'
import { snapshotObject } from '#wire/object.ts'
import type { Tree } from '#wire/tree.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'
import { quoted, unknownCluster } from './words.ts'

export interface Snapshot {
  readonly epoch: Epoch
  readonly revision: number
  readonly format: number
  readonly tree: Tree
}

export interface SnapshotReader {
  /** Of the newest record. */
  position(): number
  /** Null: no such cluster, then. `busy`: the past is being looked at already. */
  snapshot(cluster: string, revision: number | undefined): Promise<Snapshot | null | 'busy'>
}

const snapshotShown = z
  .strictObject({
    cluster: names.clusterName,
    epoch,
    revision: names.revision,
    format: z.int(),
    digest: names.digestHex,
    objects: z.array(snapshotObject),
  })
  .meta({ id: 'Snapshot' })

export function defineSnapshot(define: Define, reader: SnapshotReader): void {
  define(
    {
      method: 'get',
      path: '/v1/clusters/{cluster}/snapshot',
      tag: 'clusters',
      summary: 'The routing snapshot that agents are to serve; its digest is the ETag',
      access: 'read',
      params: z.strictObject({ cluster: names.clusterName }),
      query: z.strictObject({
        revision: z
          .string()
          .regex(/^\d{1,15}$/, 'a log position: a whole number')
          .transform(Number)
          .optional()
          .meta({ description: 'As it was then; left out: as it is now.' }),
      }),
      headers: z.object({ 'if-none-match': z.string().max(1024).optional() }),
      answers: {
        200: { description: 'The snapshot.', schema: snapshotShown },
        304: { description: 'It has the digest that `If-None-Match` names.' },
      },
      rejections: ['unknown-cluster', 'overloaded'],
    },
    async ({ params: { cluster }, query, headers }) => {
      const found = await snapshotAt(reader, cluster, query.revision, '?revision')
      if (found instanceof Response) return found
      const etag = quoted(found.tree.root)
      if (lists(headers['if-none-match'], etag)) {
        return new Response(null, { status: 304, headers: { etag } })
      }
      const { epoch, revision, format, tree } = found
      const head = { cluster, epoch, revision, format, digest: tree.root }
      return new Response(snapshotBody(head, tree), {
        headers: { etag, 'content-type': 'application/json' },
      })
    },
  )
}

/** The snapshot that was asked for, or the refusal; `pointer` names the field of the revision. */
export async function snapshotAt(
  reader: SnapshotReader,
  cluster: string,
  revision: number | undefined,
  pointer: string,
): Promise<Snapshot | Response> {
  const newest = reader.position()
  if (revision !== undefined && revision > newest) {
    const message = `the newest revision is ${newest}`
    return problem({
      code: 'invalid-request',
      detail: `${pointer}: ${message}`,
      errors: [{ pointer, message }],
    })
  }
  const found = await reader.snapshot(cluster, revision)
  if (found === 'busy') return problem(busy)
  return found ?? problem(unknownCluster(cluster))
}

const busy = {
  code: 'overloaded',
  detail: 'Somebody else looks at the past already; it is folded from the log, one at a time.',
  fix: 'Try again in a moment.',
} as const

/** Bucket by bucket: a big snapshot neither holds up a turn nor lies in memory twice. */
function snapshotBody(head: object, tree: Tree): ReadableStream<Uint8Array<ArrayBuffer>> {
  const parts = (function* () {
    yield `${JSON.stringify(head).slice(0, -1)},"objects":[`
    let separator = ''
    for (const { objects } of tree.buckets) {
      if (objects.length === 0) continue
      yield separator + objects.map((object) => JSON.stringify(object)).join(',')
      separator = ','
    }
    yield ']}'
  })()
  return new ReadableStream({
    pull(controller) {
      const { done, value } = parts.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
  })
}

const encoder = new TextEncoder()

/** RFC 9110 §13.1.2: a list of ETags, weak ones too, or `*`. */
const lists = (ifNoneMatch: string | undefined, etag: string): boolean =>
  (ifNoneMatch ?? '')
    .split(',')
    .map((one) => one.trim().replace(/^W\//, ''))
    .some((one) => one === etag || one === '*')
