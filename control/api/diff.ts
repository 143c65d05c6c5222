/** What changed in a cluster between two moments: objects with before and after, and sentences. */
import { z } from 'zod'
import * as names from '#wire/names.ts'
import { snapshotObject } from '#wire/object.ts'
import { difference, find } from '#wire/tree.ts'
import { type ObjectChange, wordsOf } from '../domain/difference-words.ts'
import { invalid, momentText, type PastReader, snapshotAt } from './moments.ts'
import type { Define } from './operation.ts'

/** More changes than this are counted and not shown. */
export const changesMax = 2_000

const end = z.strictObject({ revision: names.revision, digest: names.digestHex })
const diffShown = z
  .strictObject({
    cluster: names.clusterName,
    /** The snapshots compared: revision and digest of each. */
    from: end,
    to: end,
    put: z.array(
      z.strictObject({
        key: z.string(),
        /** Null: it is new. */
        before: snapshotObject.nullable(),
        after: snapshotObject,
      }),
    ),
    removed: z.array(z.strictObject({ key: z.string(), before: snapshotObject })),
    words: z.array(z.string()),
    /** Changed objects that are not shown. */
    omitted: z.int(),
  })
  .meta({ id: 'Diff' })

export function defineDiff(define: Define, reader: PastReader): void {
  define(
    {
      method: 'get',
      path: '/v1/clusters/{cluster}/diff',
      tag: 'clusters',
      summary: 'What changed between two moments, in objects and in words',
      access: 'read',
      params: z.strictObject({ cluster: names.clusterName }),
      query: z.strictObject({
        from: momentText.meta({ description: 'A revision, or an instant with its offset.' }),
        to: momentText.optional().meta({ description: 'The same; left out: now.' }),
      }),
      answers: { 200: { description: 'The difference.', schema: diffShown } },
      rejections: ['unknown-cluster', 'overloaded'],
    },
    async ({ params: { cluster }, query }) => {
      const before = await snapshotAt(reader, cluster, query.from, '?from')
      if (before instanceof Response) return before
      const after = await snapshotAt(reader, cluster, query.to, '?to')
      if (after instanceof Response) return after
      const [from, to] = [before.snapshot, after.snapshot]
      if ((before.position ?? 0) > (after.position ?? reader.position())) {
        return invalid('?from', 'is later than `to`')
      }
      const { put, remove } = difference(from.tree, to.tree)
      const all: ObjectChange[] = [
        ...put.map((object) => change(object.key, find(from.tree, object.key), object)),
        ...remove.map((key) => change(key, find(from.tree, key), undefined)),
      ]
      const changes = all.slice(0, changesMax)
      return Response.json({
        cluster,
        from: { revision: from.revision, digest: from.tree.root },
        to: { revision: to.revision, digest: to.tree.root },
        put: changes.filter(({ after }) => after !== null),
        removed: changes.flatMap(({ key, before, after }) => (after ? [] : [{ key, before }])),
        words: wordsOf(changes),
        omitted: all.length - changes.length,
      })
    },
  )
}

const change = (
  key: string,
  before: ObjectChange['before'] | undefined,
  after: ObjectChange['after'] | undefined,
): ObjectChange => ({ key, before: before ?? null, after: after ?? null })
