/**
 * The routing snapshot of a cluster: content and positions, as they are or as they were at a revision or
 * an instant. It is what control had published, with the digest that its header was signed for; what was
 * not proven to be served by then is named.
 */
import { z } from 'zod'
import { epoch } from '#wire/header.ts'
import * as names from '#wire/names.ts'
import { snapshotObject } from '#wire/object.ts'
import type { Tree } from '#wire/tree.ts'
import { instantText, invalid, type PastReader, revisionText, snapshotAt } from './moments.ts'
import type { Define } from './operation.ts'
import { quoted } from './words.ts'

const atMs = z.int()

/** Null while the tables of the history are made. */
const served = z
  .strictObject({
    publishedAtMs: atMs,
    /** Null: it is the newest. */
    supersededAtMs: atMs.nullable(),
    unacknowledged: z.array(
      z.strictObject({
        app: names.appName,
        generation: names.generation,
        committedAtMs: atMs,
        acknowledgedAtMs: atMs.nullable(),
        except: z.array(names.agentName),
      }),
    ),
  })
  .meta({
    id: 'Served',
    description:
      'When the snapshot was published and replaced, and the positions in it whose switch was decided but, at the moment that was asked for, not acknowledged by every agent. Of routes and backends the log holds no proof.',
  })

const snapshotShown = z
  .strictObject({
    cluster: names.clusterName,
    /** What the caller has asked for; null: the newest. */
    asked: z
      .union([z.strictObject({ revision: names.revision }), z.strictObject({ at: z.string() })])
      .nullable(),
    epoch,
    /** Of the record that made it: at most the one that was asked for. */
    revision: names.revision,
    served: served.nullable(),
    format: z.int(),
    digest: names.digestHex,
    objects: z.array(snapshotObject),
  })
  .meta({ id: 'Snapshot' })

export function defineSnapshot(define: Define, reader: PastReader): void {
  define(
    {
      method: 'get',
      path: '/v1/clusters/{cluster}/snapshot',
      tag: 'clusters',
      summary: 'The routing snapshot that agents are to serve; its digest is the ETag',
      access: 'read',
      about: ({ params }) => ({ apps: null, clusters: [params.cluster!] }),
      params: z.strictObject({ cluster: names.clusterName }),
      description:
        'The newest one, or what was published as of `revision` or `at`: the answer is the snapshot of the newest record that is not after it.',
      query: z.strictObject({
        revision: revisionText.optional().meta({ description: 'As after this record.' }),
        at: instantText.optional().meta({
          description: 'As after the newest record that is not later, by the clock of control.',
        }),
      }),
      headers: z.object({ 'if-none-match': z.string().max(1024).optional() }),
      answers: {
        200: { description: 'The snapshot.', schema: snapshotShown },
        304: { description: 'It has the digest that `If-None-Match` names.' },
      },
      rejections: ['unknown-cluster', 'overloaded'],
    },
    async ({ params: { cluster }, query, headers }) => {
      const { revision: asked, at } = query
      if (asked !== undefined && at !== undefined) {
        return invalid('?at', 'say `revision` or `at`, not both')
      }
      const pointer = at === undefined ? '?revision' : '?at'
      const found = await snapshotAt(reader, cluster, at ?? asked, pointer)
      if (found instanceof Response) return found
      const { snapshot, position } = found
      const { epoch, revision, format, tree } = snapshot
      const etag = quoted(tree.root)
      if (lists(headers['if-none-match'], etag)) {
        return new Response(null, { status: 304, headers: { etag } })
      }
      const served = await reader.served(snapshot, position)
      const wish = at !== undefined ? { at } : asked !== undefined ? { revision: asked } : null
      const head = { cluster, asked: wish, epoch, revision, served, format, digest: tree.root }
      return new Response(snapshotBody(head, tree), {
        headers: { etag, 'content-type': 'application/json' },
      })
    },
  )
}

/** Some buckets at a time: a big snapshot neither holds up a turn nor lies in memory twice. */
function snapshotBody(head: object, tree: Tree): ReadableStream<Uint8Array<ArrayBuffer>> {
  const parts = (function* () {
    let text = `${JSON.stringify(head).slice(0, -1)},"objects":[`
    let separator = ''
    for (const { objects } of tree.buckets) {
      if (objects.length === 0) continue
      text += separator + objects.map((object) => JSON.stringify(object)).join(',')
      separator = ','
      if (text.length < partCharsMin) continue
      yield text
      text = ''
    }
    yield `${text}]}`
  })()
  return new ReadableStream({
    pull(controller) {
      const { done, value } = parts.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
  })
}

/** Each part is a write to the socket. */
const partCharsMin = 32_768
const encoder = new TextEncoder()

/** RFC 9110 §13.1.2: a list of ETags, weak ones too, or `*`. */
const lists = (ifNoneMatch: string | undefined, etag: string): boolean =>
  (ifNoneMatch ?? '')
    .split(',')
    .map((one) => one.trim().replace(/^W\//, ''))
    .some((one) => one === etag || one === '*')
