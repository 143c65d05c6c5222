/** What changed between two moments, in one cluster or in all: objects with before and after, and sentences. */
import { z } from 'zod'
import * as names from '#wire/names.ts'
import { snapshotObject } from '#wire/object.ts'
import { difference, emptyTree, find, type Tree } from '#wire/tree.ts'
import { type ObjectChange, wordsOf } from '../domain/words/difference.ts'
import {
  invalid,
  type Moment,
  momentText,
  type PastReader,
  positionOf,
  snapshotAt,
} from './moments.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'

/** More changes than this, in a cluster, are counted and not shown. */
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

const fleetDiffShown = z
  .strictObject({
    /** By name; those that are the same at both ends are left out. */
    clusters: z.array(
      z.strictObject({
        cluster: names.clusterName,
        /** Null: there was no such cluster yet. */
        from: end.nullable(),
        to: end,
        changed: z.int(),
        omitted: z.int(),
      }),
    ),
    /** Each sentence with the clusters that it is true of. */
    words: z.array(z.strictObject({ sentence: z.string(), clusters: z.array(names.clusterName) })),
  })
  .meta({ id: 'FleetDiff' })

const query = z.strictObject({
  from: momentText.meta({ description: 'A revision, or an instant with its offset.' }),
  to: momentText.optional().meta({ description: 'The same; left out: now.' }),
})

export function defineDiff(define: Define, reader: PastReader): void {
  define(
    {
      method: 'get',
      path: '/v1/clusters/{cluster}/diff',
      about: ({ params }) => ({ apps: null, clusters: [params.cluster!] }),
      tag: 'clusters',
      summary: 'What changed between two moments, in objects and in words',
      access: 'read',
      params: z.strictObject({ cluster: names.clusterName }),
      query,
      answers: { 200: { description: 'The difference.', schema: diffShown } },
      rejections: ['unknown-cluster', 'overloaded'],
    },
    async ({ params: { cluster }, query }) => {
      const span = await spanOf(reader, query)
      if (span instanceof Response) return span
      const before = await snapshotAt(reader, cluster, span.from, '?from')
      if (before instanceof Response) return before
      const after = await snapshotAt(reader, cluster, span.to, '?to')
      if (after instanceof Response) return after
      const [from, to] = [before.snapshot, after.snapshot]
      const { changes, omitted } = compared(from.tree, to.tree)
      return Response.json({
        cluster,
        from: endOf(from),
        to: endOf(to),
        put: changes.filter(({ after }) => after !== null),
        removed: changes.flatMap(({ key, before, after }) => (after ? [] : [{ key, before }])),
        words: wordsOf(changes),
        omitted,
      })
    },
  )
  define(
    {
      method: 'get',
      path: '/v1/diff',
      tag: 'clusters',
      summary: 'What changed in all clusters between two moments, in words',
      access: 'read',
      query,
      answers: { 200: { description: 'The differences.', schema: fleetDiffShown } },
      rejections: ['overloaded'],
    },
    async ({ query }) => {
      const span = await spanOf(reader, query)
      if (span instanceof Response) return span
      const clusters: z.infer<typeof fleetDiffShown>['clusters'] = []
      const told = new Map<string, string[]>()
      for (const cluster of reader.clusterNames()) {
        const before = await reader.snapshot(cluster, span.from)
        if ('rejection' in before) return problem(before.rejection)
        const after = await reader.snapshot(cluster, span.to)
        if ('rejection' in after) return problem(after.rejection)
        if (!after.found || before.found?.tree.root === after.found.tree.root) continue
        const { changes, omitted } = compared(before.found?.tree ?? emptyTree, after.found.tree)
        const from = before.found && endOf(before.found)
        const changed = changes.length + omitted
        clusters.push({ cluster, from, to: endOf(after.found), changed, omitted })
        for (const sentence of wordsOf(changes)) {
          told.set(sentence, [...(told.get(sentence) ?? []), cluster])
        }
      }
      const words = [...told].map(([sentence, where]) => ({ sentence, clusters: where }))
      return Response.json({ clusters, words })
    },
  )
}

/** Both ends as positions; `to` is that of now when it is left out. */
async function spanOf(reader: PastReader, ends: { from: Moment; to?: Moment | undefined }) {
  const from = await positionOf(reader, ends.from, '?from')
  if (from instanceof Response) return from
  const to = ends.to === undefined ? reader.position() : await positionOf(reader, ends.to, '?to')
  if (to instanceof Response) return to
  return from <= to ? { from, to } : invalid('?from', 'is later than `to`')
}

const endOf = ({ revision, tree }: { revision: number; tree: Tree }) => ({
  revision,
  digest: tree.root,
})

function compared(from: Tree, to: Tree): { changes: ObjectChange[]; omitted: number } {
  const { put, remove } = difference(from, to)
  const all: ObjectChange[] = [
    ...put.map((object) => change(object.key, find(from, object.key), object)),
    ...remove.map((key) => change(key, find(from, key), undefined)),
  ]
  return { changes: all.slice(0, changesMax), omitted: Math.max(0, all.length - changesMax) }
}

const change = (
  key: string,
  before: ObjectChange['before'] | undefined,
  after: ObjectChange['after'] | undefined,
): ObjectChange => ({ key, before: before ?? null, after: after ?? null })
