/** Since which record a request is answered as it is, and what it got before. */
import { z } from 'zod'
import * as names from '#wire/names.ts'
import { auditEntry, entryOf, permitOf } from './audit.ts'
import { type ExplainReader, explained, explanation, momentOf, requestAsked } from './explain.ts'
import { noSuchCluster, positionOf } from './moments.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'

const blameShown = z
  .strictObject({
    cluster: names.clusterName,
    /** The answer now, or at the moment that was asked for. */
    answer: explanation,
    /** The newest record after which the answer became this one; null: it was never another. */
    since: auditEntry.nullable(),
    /**
     * The intent behind `since`: itself, or, where the fleet or the clock had the last word, what asked
     * for it before. Null: nobody did.
     */
    intent: auditEntry.nullable(),
    /** The answer just before that record; null: there was no cluster, or never another answer. */
    before: explanation.nullable(),
  })
  .meta({ id: 'Blame' })

export function defineBlame(define: Define, reader: ExplainReader): void {
  define(
    {
      method: 'post',
      path: '/v1/clusters/{cluster}/blame',
      tag: 'clusters',
      summary: 'Since which record a request is answered as it is, and what it got before',
      description:
        'The newest record after which the answer became what it is: status, route, releases with their weights, target, host and header changes. Generations, and routes that lose, are not the answer. Changes nothing.',
      access: 'read',
      about: ({ params }) => ({ apps: null, clusters: [params.cluster!] }),
      params: z.strictObject({ cluster: names.clusterName }),
      body: requestAsked,
      answers: { 200: { description: 'The record, and both answers.', schema: blameShown } },
      rejections: ['unknown-cluster', 'does-not-compile', 'overloaded'],
    },
    async ({ params: { cluster }, body, principal }) => {
      const { revision: _, at, ...request } = body
      const moment = momentOf(body)
      if (moment instanceof Response) return moment
      const position =
        moment === undefined
          ? undefined
          : await positionOf(reader, moment, at ? '/at' : '/revision')
      if (position instanceof Response) return position
      const looked = await reader.blame(cluster, position, request)
      if ('rejection' in looked) return problem(looked.rejection)
      if (!looked.found) return problem(await noSuchCluster(reader, cluster, position))
      const { snapshot, since, intent, before } = looked.found
      return Response.json({
        cluster,
        answer: explained(reader, snapshot, request),
        since: since && entryOf(since, permitOf(principal)),
        intent: intent && entryOf(intent, permitOf(principal)),
        before: before && explained(reader, before, request),
      })
    },
  )
}
