/** Operators' tokens: made, listed without their secrets, revoked. */
import { z } from 'zod'
import { routeName } from '#wire/names.ts'
import type { Scope } from '../domain/input.ts'
import { makeToken } from '../trust/tokens.ts'
import { type IntentTaker, mutationHeaders, mutationRejections, takeIntent } from './intents.ts'
import type { Define } from './operation.ts'

const scope = z.enum(['admin', 'release', 'read']).meta({
  description: '`admin` may everything, `release` moves traffic and reads, `read` reads.',
})
const tokenBody = z.strictObject({ name: routeName, scope })
const tokenView = z.strictObject({ name: z.string(), scope })
const newToken = tokenView.extend({
  token: z.string().nullable().meta({
    description: 'Shown this once; null when a repeated call gets the recorded answer.',
  }),
})

export interface TokenReader {
  tokens(): readonly { readonly name: string; readonly scope: Scope }[]
}

export function defineTokens(define: Define, taker: IntentTaker, reader: TokenReader): void {
  define(
    {
      method: 'get',
      path: '/v1/tokens',
      tag: 'tokens',
      summary: 'List the tokens, without their secrets',
      access: 'admin',
      answers: {
        200: { description: 'The tokens.', schema: z.strictObject({ tokens: z.array(tokenView) }) },
      },
    },
    () => Response.json({ tokens: reader.tokens().map(({ name, scope }) => ({ name, scope })) }),
  )
  define(
    {
      method: 'post',
      path: '/v1/tokens',
      tag: 'tokens',
      summary: 'Make a token',
      access: 'admin',
      headers: mutationHeaders,
      body: tokenBody,
      answers: { 201: { description: 'The token, shown once.', schema: newToken } },
      rejections: [...mutationRejections, 'limit-reached'],
    },
    ({ body, ...asked }) => {
      const { token, tokenHash } = makeToken(body.scope)
      const intent = { type: 'create-token', ...body, tokenHash } as const
      return takeIntent(taker, intent, asked, {
        body: (_, repeated) => ({ ...body, token: repeated ? null : token }),
      })
    },
  )
  define(
    {
      method: 'delete',
      path: '/v1/tokens/{name}',
      tag: 'tokens',
      summary: 'Revoke a token at once',
      access: 'admin',
      params: z.strictObject({ name: routeName }),
      headers: mutationHeaders,
      answers: { 200: { description: 'It is revoked.', schema: z.looseObject({}) } },
      rejections: [...mutationRejections, 'not-found'],
    },
    ({ params, ...asked }) => takeIntent(taker, { type: 'revoke-token', ...params }, asked),
  )
}
