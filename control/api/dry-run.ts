/**
 * `?dryRun=true`, which every operation takes that changes something: the query, the answer in OpenAPI and
 * the mark on a refusal. Added where operations are defined, so that no operation can lack it.
 */
import { z } from 'zod'
import { dryRunView } from '#wire/dry-run.ts'
import type { Access, AnswerShape, Fields, Operation } from './operation.ts'

/** Operations of agents have no operator to show anything to; readers change nothing. */
const changesNothing: ReadonlySet<Access> = new Set(['read', 'agent', 'enrolment', 'open'])

interface Kind {
  readonly method: string
  readonly access: Access
}

export const isMutation = ({ method, access }: Kind): boolean =>
  method !== 'get' && !changesNothing.has(access)

const dryRunQuery = {
  dryRun: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .meta({ description: 'Answer what would happen, and change nothing; `wait` is left aside.' }),
}
const shown = dryRunView.meta({ id: 'DryRun' })

export function withDryRun<
  P extends Fields,
  Q extends Fields,
  H extends Fields,
  B extends z.ZodType,
>(operation: Operation<P, Q, H, B>): Operation<P, Fields, H, B> {
  const query = (operation.query ?? z.strictObject({})).extend(dryRunQuery)
  const held: AnswerShape | undefined = operation.answers[200]
  const description = 'With `dryRun`: what would happen; nothing has changed.'
  const answer = held?.schema
    ? { description: `${held.description} ${description}`, schema: z.union([shown, held.schema]) }
    : { description, schema: shown }
  return { ...operation, query, answers: { ...operation.answers, 200: answer } }
}

/** A refusal of a dry run is the real one's document and says that it is one. */
export async function markedAsDryRun(request: Request, answered: Response): Promise<Response> {
  const isProblem = answered.headers.get('content-type') === 'application/problem+json'
  if (!isProblem || new URL(request.url).searchParams.get('dryRun') !== 'true') return answered
  const document = (await answered.json()) as object
  return new Response(JSON.stringify({ ...document, dryRun: true }), answered)
}
