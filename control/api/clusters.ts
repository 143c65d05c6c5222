/** Clusters as control sees them, and their agents. */
import { z } from 'zod'
import { epoch } from '#wire/header.ts'
import * as names from '#wire/names.ts'
import { appOfRelease } from '../domain/permission.ts'
import type { AgentView, ClusterView } from '../domain/view/view.ts'
import { type IntentTaker, mutationHeaders, mutationRejections, takeIntent } from './intents.ts'
import { type Define, maySee, type Principal } from './operation.ts'
import { problem } from './problem.ts'
import { unknownCluster } from './words.ts'

export interface ClusterReader {
  /** By name. */
  clusters(): readonly ClusterView[]
  cluster(name: string): ClusterView | null
  agents(cluster: string): readonly AgentView[]
}

const clusterParams = z.strictObject({ cluster: names.clusterName })
const agentParams = clusterParams.extend({ agent: names.agentName })

const clusterShown = z
  .strictObject({
    cluster: names.clusterName,
    epoch,
    revision: names.revision,
    digest: names.digestHex,
    objects: z.int(),
    apps: z.int(),
    agents: z.strictObject({ enrolled: z.int(), current: z.int(), silent: z.int() }),
  })
  .meta({ id: 'Cluster' })

const counts = z.record(names.releaseId, z.int())
const agentShown = z
  .strictObject({
    cluster: names.clusterName,
    agent: names.agentName,
    condition: z.enum(['current', 'behind', 'stale', 'drifting', 'silent', 'unseen']),
    reason: z.string().nullable(),
    revision: names.revision,
    digest: names.digestHex.nullable(),
    lastReportAtMs: z.int().nullable(),
    workers: z.int(),
    positions: z.record(
      names.appName,
      z.strictObject({ prepared: names.generation, active: names.generation }),
    ),
    readyEndpoints: counts,
    inUse: counts,
    refusals: z.array(z.strictObject({ code: z.string(), reason: z.string(), count: z.int() })),
    enrolledAtMs: z.int(),
  })
  .meta({ id: 'Agent' })

export function defineClusters(define: Define, taker: IntentTaker, reader: ClusterReader): void {
  define(
    {
      method: 'get',
      path: '/v1/clusters',
      tag: 'clusters',
      summary: 'List the clusters',
      access: 'read',
      about: 'shown',
      answers: {
        200: {
          description: 'The clusters, by name.',
          schema: z.strictObject({ clusters: z.array(clusterShown) }),
        },
      },
    },
    ({ principal }) => {
      const clusters = reader.clusters().filter(({ cluster }) => maySee(principal, null, [cluster]))
      return Response.json({ clusters })
    },
  )
  define(
    {
      method: 'get',
      path: '/v1/clusters/{cluster}/agents',
      tag: 'clusters',
      summary: 'What each enrolled agent serves, and how it is',
      access: 'read',
      about: ({ params }) => ({ apps: [], clusters: [params.cluster!] }),
      params: clusterParams,
      answers: {
        200: {
          description: 'The agents, by name.',
          schema: z.strictObject({ agents: z.array(agentShown) }),
        },
      },
      rejections: ['unknown-cluster'],
    },
    ({ params: { cluster }, principal }) =>
      reader.cluster(cluster)
        ? Response.json({ agents: reader.agents(cluster).map((one) => shownTo(principal, one)) })
        : problem(unknownCluster(cluster)),
  )
  define(
    {
      method: 'delete',
      path: '/v1/clusters/{cluster}/agents/{agent}',
      tag: 'clusters',
      summary: 'Forget an agent that will never come back: it counts as proven absent',
      access: 'admin',
      params: agentParams,
      headers: mutationHeaders,
      answers: { 200: { description: 'It is forgotten.', schema: z.looseObject({}) } },
      rejections: [...mutationRejections, 'unknown-cluster', 'unknown-agent'],
    },
    ({ params, ...rest }) => takeIntent(taker, { type: 'forget-agent', ...params }, rest),
  )
}

/** Of what an agent serves, the apps that the caller may see. */
function shownTo(principal: Principal, agent: AgentView): AgentView {
  const only = <T>(all: Readonly<Record<string, T>>, appOf: (key: string) => string) =>
    Object.fromEntries(
      Object.entries(all).filter(([key]) => maySee(principal, appOf(key), [agent.cluster])),
    )
  return {
    ...agent,
    positions: only(agent.positions, (app) => app),
    readyEndpoints: only(agent.readyEndpoints, appOfRelease),
    inUse: only(agent.inUse, appOfRelease),
  }
}
