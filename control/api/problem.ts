/**
 * Every "no" of the API is an RFC 9457 problem document: a stable code from the catalogue, a sentence
 * for this case, what to do about it, the fields at fault and the evidence.
 */
import { z } from 'zod'
import { type Rejection, type RejectionCode, rejections } from '#wire/codes.ts'

/** Served by control itself, so that the type of a problem leads to its explanation. */
export const errorsPath = '/docs/errors.md'

const codes = Object.keys(rejections) as [RejectionCode, ...RejectionCode[]]

export const problemDocument = z
  .looseObject({
    type: z.string().meta({ description: 'A link to the explanation of the code.' }),
    title: z.string(),
    status: z.int(),
    code: z.enum(codes),
    detail: z.string(),
    fix: z.string().optional(),
    errors: z
      .array(
        z.strictObject({
          /** `/routes/0/name` in the body, `?timeout` in the query, `{app}` in the path, or a header's name. */
          pointer: z.string(),
          message: z.string(),
        }),
      )
      .optional(),
    dryRun: z.literal(true).optional().meta({ description: 'The refused call was a dry run.' }),
  })
  .meta({
    id: 'Problem',
    description: 'RFC 9457. Further members are the evidence, such as a ledger.',
  })

export function problem(rejection: Rejection, headers: Record<string, string> = {}): Response {
  const { status, sentence } = rejections[rejection.code]
  const body = {
    ...rejection.evidence,
    type: `${errorsPath}#${rejection.code}`,
    title: sentence,
    status,
    code: rejection.code,
    detail: rejection.detail,
    ...(rejection.fix && { fix: rejection.fix }),
    ...(rejection.errors && { errors: rejection.errors }),
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(status === 503 && { 'retry-after': '1' }),
      ...(status === 401 && { 'www-authenticate': 'Bearer realm="switchyard"' }),
      ...headers,
    },
  })
}
