/**
 * Where agents call: once to enrol, then the two messages over HTTP (`#wire/subjects.ts` has the paths).
 * What they send is signed and verified behind the transport; here it is decided only who may speak.
 */
import { z } from 'zod'
import type { EnrolmentAnswer } from '#wire/enrolment.ts'
import { enrolmentAnswer, enrolmentRequest } from '#wire/enrolment.ts'
import * as names from '#wire/names.ts'
import { agentPaths } from '#wire/subjects.ts'
import type { Answer, Input } from '../domain/input.ts'
import { makeToken } from '../trust/tokens.ts'
import type { Define } from './operation.ts'
import { problem } from './problem.ts'

export interface AgentDesk {
  submit(input: Input): Promise<Answer>
  /** What a newly enrolled agent is told beside its token. */
  welcome(cluster: string): Pick<EnrolmentAnswer, 'epoch' | 'controlKeys' | 'nats'> | null
  /** Serves `/v1/agents/{cluster}/…` for an agent whose token was checked. */
  respond(cluster: string, request: Request): Promise<Response>
}

export function defineAgents(define: Define, desk: AgentDesk): void {
  const paths = agentPaths('{cluster}')
  define(
    {
      method: 'post',
      path: paths.enrol,
      tag: 'agents',
      summary: 'Join a cluster with an enrolment token and a key of its own',
      access: 'enrolment',
      body: enrolmentRequest.meta({ id: 'EnrolmentRequest' }),
      answers: {
        200: {
          description: 'It has joined; its token is shown this once.',
          schema: enrolmentAnswer.meta({ id: 'EnrolmentAnswer' }),
        },
      },
      rejections: ['unknown-cluster', 'limit-reached', 'overloaded', 'log-behind-fleet'],
    },
    async ({ body, principal }) => {
      if (principal.kind !== 'enrolment' || principal.cluster !== body.cluster) {
        return problem(foreignToken(body.cluster))
      }
      const { token, tokenHash } = makeToken('agent')
      const answer = await desk.submit({
        kind: 'intent',
        intent: { type: 'enrol-agent', ...body, tokenHash },
        actor: `agent:${body.agent}`,
        idempotencyKey: null,
        ifMatch: null,
      })
      if (!answer.ok) return problem(answer.rejection)
      const { cluster, agent } = body
      const told = desk.welcome(cluster)!
      return Response.json({ cluster, agent, token, ...told } satisfies EnrolmentAnswer)
    },
  )
  const transportOperations = [
    ['get', paths.announcements, 'Announcements as server-sent events', 'text/event-stream'],
    ['get', paths.header, 'The newest announcement', 'application/json'],
    ['get', paths.index, 'Hashes of the stored buckets', 'application/json'],
    ['get', paths.buckets, 'Stored buckets, `?ids=0,17,255`', 'application/json'],
    ['post', paths.reports, "The agent's signed state", 'application/json'],
  ] as const
  for (const [method, path, summary, mediaType] of transportOperations) {
    define(
      {
        method,
        path,
        tag: 'agents',
        summary,
        access: 'agent',
        params: z.strictObject({ cluster: names.clusterName }),
        ...(path === paths.buckets && {
          query: z.strictObject({ ids: z.string().max(1024).optional() }),
        }),
        ...(method === 'post' && {
          rawBody: { description: 'A sealed report.', mediaType: 'application/json' },
        }),
        answers: { 200: { description: 'As asked.', schema: z.string(), mediaType } },
      },
      ({ params, request }) => desk.respond(params.cluster, request),
    )
  }
}

const foreignToken = (cluster: string) =>
  ({
    code: 'forbidden',
    detail: `This enrolment token is not for the cluster "${cluster}".`,
    fix: `Use the token in enrol-${cluster}.token of control's state folder.`,
    errors: [{ pointer: '/cluster', message: 'the token is of another cluster' }],
  }) as const
