/** Operators' tokens: made, listed without their secrets, revoked; and who one is. */
import { z } from 'zod'
import { routeName } from '#wire/names.ts'
import { type TokenScope, type TokenView, tokenIntent, tokenView } from '#wire/token.ts'
import type { Scope } from '../domain/input.ts'
import { makeToken } from '../trust/tokens.ts'
import { type IntentTaker, mutationHeaders, mutationRejections, takeIntent } from './intents.ts'
import type { Define } from './operation.ts'

const shown = tokenView.meta({ id: 'Token' })
const newToken = tokenView
  .extend({
    token: z.string().nullable().meta({
      description: 'Shown this once; null when a repeated call gets the recorded answer.',
    }),
  })
  .meta({ id: 'NewToken' })

export interface TokenReader {
  tokens(): readonly TokenView[]
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
        200: { description: 'The tokens.', schema: z.strictObject({ tokens: z.array(shown) }) },
      },
    },
    () => Response.json({ tokens: reader.tokens() }),
  )
  define(
    {
      method: 'get',
      path: '/v1/tokens/self',
      tag: 'tokens',
      summary: 'Whose token this call was made with, and what it may',
      access: 'read',
      about: 'shown',
      answers: { 200: { description: 'The token.', schema: shown } },
    },
    ({ principal }) =>
      Response.json(
        reader.tokens().find((one) => principal.kind === 'operator' && one.name === principal.name),
      ),
  )
  define(
    {
      method: 'post',
      path: '/v1/tokens',
      tag: 'tokens',
      summary: 'Make a token; a second one of a name replaces the first',
      access: 'admin',
      headers: mutationHeaders,
      body: tokenIntent.meta({ id: 'TokenIntent' }),
      answers: { 201: { description: 'The token, shown once.', schema: newToken } },
      rejections: [...mutationRejections, 'limit-reached', 'unknown-cluster'],
    },
    ({ body: { scope, scopes: list, ...body }, ...asked }) => {
      const scopes = list ?? [scope!]
      const rank = rankOf(scopes)
      const { token, tokenHash } = makeToken(rank)
      // A token with one of the ranked scopes is written as it always was.
      const plain = scopes.length === 1 && scopes[0] === rank
      const intent = {
        type: 'create-token',
        ...body,
        scope: rank,
        ...(!plain && { scopes }),
        tokenHash,
      } as const
      return takeIntent(taker, intent, asked, {
        body: (view, repeated) => ({ ...(view as TokenView), token: repeated ? null : token }),
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

/** The most of the ranked scopes: what a program that knows no others would take it for. */
const rankOf = (scopes: readonly TokenScope[]): Scope =>
  (['admin', 'release'] as const).find((scope) => scopes.includes(scope)) ?? 'read'
