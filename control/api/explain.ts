/** `explain`: a request in; the candidates in order, why each lost, and where it goes, out. */
import { z } from 'zod'
import type { Explained } from '#router/explain.ts'
import type { PlainRequest } from '#router/reference.ts'
import { routeMatch } from '#wire/app.ts'
import { limits } from '#wire/limits.ts'
import * as names from '#wire/names.ts'
import type { Tree } from '#wire/tree.ts'
import type { Define } from './operation.ts'
import { type SnapshotReader, snapshotAt } from './snapshot.ts'

export interface ExplainReader extends SnapshotReader {
  explain(tree: Tree, request: PlainRequest): Explained
}

/** Wider than what an agent takes, so that its refusal can be shown. */
const asked = z
  .strictObject({
    method: z.string().min(1).max(64).default('GET'),
    host: z
      .string()
      .min(1)
      .max(300)
      .meta({ description: 'As in the Host field, with a port if any.' }),
    path: z
      .string()
      .min(1)
      .max(8_192)
      .meta({ description: 'The target: path and, perhaps, a query.' }),
    headers: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(256),
          value: z.string().max(limits.headerValueChars),
        }),
      )
      .max(100)
      .default([]),
    revision: names.revision.optional().meta({ description: 'Left out: as it is now.' }),
  })
  .meta({ id: 'ExplainRequest' })

const weighted = z.strictObject({ release: names.releaseId, weight: z.int() })
const shown = z
  .strictObject({
    revision: names.revision,
    /** Of the answer that the agent would make itself; 200: a release answers. */
    status: z.int(),
    reason: z.string(),
    host: z.string(),
    path: z.string(),
    candidates: z.array(
      z.strictObject({
        route: z.string(),
        app: names.appName,
        host: z.string(),
        index: z.int(),
        match: routeMatch,
        /** Null for the one that was chosen. */
        lost: z.string().nullable(),
      }),
    ),
    omitted: z.int(),
    destination: z
      .strictObject({
        route: z.string(),
        app: names.appName,
        releases: z.array(weighted),
        generation: names.generation.nullable(),
        prefixBytes: z.int(),
        target: z.string(),
        host: z.string(),
        reason: z.string(),
      })
      .nullable(),
  })
  .meta({ id: 'Explanation' })

export function defineExplain(define: Define, reader: ExplainReader): void {
  define(
    {
      method: 'post',
      path: '/v1/clusters/{cluster}/explain',
      tag: 'clusters',
      summary:
        'Why a request would go where: candidates, rewrite and release, now or at a revision',
      description:
        'Decided by the same WebAssembly bytes that agents run. Changes nothing. The admin port of an agent adds the endpoint.',
      access: 'read',
      params: z.strictObject({ cluster: names.clusterName }),
      body: asked,
      answers: { 200: { description: 'The explanation.', schema: shown } },
      rejections: ['unknown-cluster', 'does-not-compile', 'overloaded'],
    },
    async ({ params: { cluster }, body: { revision, ...request } }) => {
      const found = await snapshotAt(reader, cluster, revision, '/revision')
      if (found instanceof Response) return found
      const explained = reader.explain(found.tree, request)
      if (explained.ok) return Response.json({ revision: found.revision, ...explained.explanation })
      const status = explained.code === 'refused' ? explained.status : 503
      const reason =
        explained.code === 'refused'
          ? `every agent answers ${explained.status} to this request itself: its form is not allowed`
          : explained.reason
      return Response.json({ revision: found.revision, status, reason, ...nothingFound })
    },
  )
}

const nothingFound = { host: '', path: '', candidates: [], omitted: 0, destination: null }
