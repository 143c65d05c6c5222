/**
 * Ingress objects: put and taken away by the agents of their cluster, shown to operators: what is served of each,
 * and why its newest form was refused.
 */
import { z } from 'zod'
import { ingressIntent } from '#wire/ingress.ts'
import * as names from '#wire/names.ts'
import { agentPaths } from '#wire/subjects.ts'
import { type IngressView, ingressId } from '../domain/snapshot/ingress.ts'
import type { IngressRefusals } from './ingress-refusals.ts'
import { type IntentTaker, mutationHeaders, mutationRejections, takeIntent } from './intents.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'
import type { RouteClaims } from './route-claims.ts'
import { unknownCluster } from './words.ts'

export type KeptIngress = Omit<IngressView, 'refused'>

export interface IngressReader {
  /** By namespace, then name; null: no such cluster. */
  ingresses(cluster: string): readonly KeptIngress[] | null
}

const refusal = z.strictObject({ code: z.string(), detail: z.string() })
const place = {
  cluster: names.clusterName,
  namespace: names.namespace,
  name: names.objectName,
}
const shown = z
  .strictObject({
    ...place,
    ...ingressIntent.shape,
    revision: names.revision.describe('Of its newest change.'),
    served: z.boolean().describe('Every agent of the cluster that is not silent serves it.'),
    refused: refusal
      .nullable()
      .describe('Why its newest form is not taken; the rest shows the former one.'),
  })
  .meta({ id: 'Ingress' })
/** An object of which nothing was ever taken has a refusal alone. */
const neverTaken = z.strictObject({ ...place, refused: refusal }).meta({ id: 'RefusedIngress' })
const known = shown
  .pick({ namespace: true, name: true, uid: true, hash: true, served: true })
  .extend({
    claimed: z
      .string()
      .optional()
      .describe('Who was refused lately because this object has the route: to be said on it.'),
  })
const listed = z.array(z.union([shown, neverTaken]))

export function defineIngresses(
  define: Define,
  taker: IntentTaker,
  reader: IngressReader,
  refusals: IngressRefusals,
  claims: Pick<RouteClaims, 'on'>,
): void {
  const paths = agentPaths('{cluster}')
  const clusterParams = z.strictObject({ cluster: names.clusterName })
  const one = { path: `${paths.ingresses}/{namespace}/{name}`, params: z.strictObject(place) }
  define(
    {
      method: 'get',
      path: '/v1/clusters/{cluster}/ingresses',
      tag: 'clusters',
      summary: 'The Ingress objects of a cluster: their routes, and what of them is not done',
      access: 'read',
      about: ({ params }) => ({ apps: null, clusters: [params.cluster!] }),
      params: clusterParams,
      answers: {
        200: {
          description: 'By namespace, then name.',
          schema: z.strictObject({ ingresses: listed }),
        },
      },
      rejections: ['unknown-cluster'],
    },
    ({ params: { cluster } }) => {
      const ingresses = reader.ingresses(cluster)
      if (!ingresses) return problem(unknownCluster(cluster))
      return Response.json({ ingresses: refusals.beside(cluster, ingresses) })
    },
  )
  define(
    {
      method: 'get',
      path: paths.ingresses,
      tag: 'agents',
      summary: "What control has of the cluster's Ingress objects",
      access: 'agent',
      params: clusterParams,
      answers: {
        200: { description: 'All of them.', schema: z.strictObject({ ingresses: z.array(known) }) },
      },
    },
    ({ params: { cluster } }) => {
      const ingresses = reader.ingresses(cluster) ?? []
      const brief = ingresses.map(({ namespace, name, uid, hash, served }) => {
        const claimed = claims.on(cluster, ingressId(namespace, name))
        return { namespace, name, uid, hash, served, ...(claimed !== null && { claimed }) }
      })
      return Response.json({ ingresses: brief })
    },
  )
  define(
    {
      method: 'put',
      ...one,
      tag: 'agents',
      summary: 'An Ingress object came or changed',
      access: 'agent',
      headers: mutationHeaders,
      body: ingressIntent.meta({ id: 'IngressIntent' }),
      answers: {
        200: { description: 'It was there, and is as asked now.', schema: shown },
        201: { description: 'It is new.', schema: shown },
      },
      rejections: [
        ...mutationRejections,
        'unknown-cluster',
        'route-conflict',
        'too-many-matches',
        'does-not-compile',
        'format-not-supported',
        'limit-reached',
      ],
    },
    async ({ params, body, ...asked }) => {
      const watched = refusals.watching(
        taker,
        params.cluster,
        ingressId(params.namespace, params.name),
      )
      return takeIntent(watched, { type: 'put-ingress', ...params, body }, asked, {
        body: (view) => ({ ...(view as KeptIngress), refused: null }),
      })
    },
  )
  define(
    {
      method: 'delete',
      ...one,
      tag: 'agents',
      summary: 'An Ingress object is gone, or is of another class now',
      access: 'agent',
      headers: mutationHeaders,
      answers: { 200: { description: 'It is gone.', schema: z.looseObject({}) } },
      rejections: [...mutationRejections, 'unknown-cluster'],
    },
    async ({ params, ...asked }) => {
      const watched = refusals.watching(
        taker,
        params.cluster,
        ingressId(params.namespace, params.name),
      )
      return takeIntent(watched, { type: 'delete-ingress', ...params }, asked)
    },
  )
}
