/** `explain`: a request in; the candidates in order, why each lost, and where it goes, out. */
import { z } from 'zod'
import type { Explained } from '#router/explain.ts'
import type { PlainRequest } from '#router/reference.ts'
import { routeMatch } from '#wire/app.ts'
import { limits } from '#wire/limits.ts'
import * as names from '#wire/names.ts'
import type { Tree } from '#wire/tree.ts'
import { instantText, invalid, type PastReader, type Snapshot, snapshotAt } from './moments.ts'
import type { Define } from './operation.ts'

export interface ExplainReader extends PastReader {
  explain(tree: Tree, request: PlainRequest): Explained
}

/** Wider than what an agent takes, so that its refusal can be shown. */
export const requestAsked = z
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
    at: instantText.optional().meta({ description: 'An instant instead of a revision.' }),
  })
  .meta({ id: 'ExplainRequest' })

/** A release or, of an Ingress, a Service. */
const weighted = z.strictObject({
  release: z.union([names.releaseId, names.serviceId]),
  weight: z.int(),
})
/** An app or an Ingress. */
const owner = z.union([names.appName, names.ingressId])
export const explanation = z
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
        app: owner,
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
        app: owner,
        releases: z.array(weighted),
        generation: names.generation.nullable(),
        prefixBytes: z.int(),
        target: z.string(),
        host: z.string(),
        /** Headers, timeouts and endpoints as the route has them, in words. */
        effects: z.array(z.string()),
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
      about: ({ params }) => ({ apps: null, clusters: [params.cluster!] }),
      params: z.strictObject({ cluster: names.clusterName }),
      body: requestAsked,
      answers: { 200: { description: 'The explanation.', schema: explanation } },
      rejections: ['unknown-cluster', 'does-not-compile', 'overloaded'],
    },
    async ({ params: { cluster }, body }) => {
      const { revision, at, ...request } = body
      const moment = momentOf(body)
      if (moment instanceof Response) return moment
      const found = await snapshotAt(reader, cluster, moment, at ? '/at' : '/revision')
      if (found instanceof Response) return found
      return Response.json(explained(reader, found.snapshot, request))
    },
  )
}

/** What the body says of time: a revision, an instant or nothing. */
export function momentOf({ revision, at }: z.output<typeof requestAsked>) {
  if (revision !== undefined && at !== undefined) {
    return invalid('/at', 'say `revision` or `at`, not both')
  }
  return at ?? revision
}

/** The explanation in a snapshot, as it is shown. */
export function explained(
  { explain }: ExplainReader,
  { revision, tree }: Pick<Snapshot, 'revision' | 'tree'>,
  request: PlainRequest,
): z.infer<typeof explanation> {
  const found = explain(tree, request)
  if (found.ok) return { revision, ...(found.explanation as Shown) }
  const status = found.code === 'refused' ? found.status : 503
  return { revision, status, reason: whyNot(found), ...nothingFound }
}

function whyNot(found: Extract<ReturnType<ExplainReader['explain']>, { ok: false }>): string {
  switch (found.code) {
    case 'refused':
      return `every agent answers ${found.status} to this request itself: its form is not allowed`
    case 'preview-link':
      return 'it carries a preview link: the candidate that the link names answers, or 503; never production'
    case 'does-not-compile':
      return found.reason
  }
}

type Shown = Omit<z.infer<typeof explanation>, 'revision'>

const nothingFound = { host: '', path: '', candidates: [], omitted: 0, destination: null }
