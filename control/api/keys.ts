/** Control's signing keys: listed, added, activated, retired while traffic flows (docs/keys.md). */
import { z } from 'zod'
import * as names from '#wire/names.ts'
import { publicKeyText } from '#wire/signature.ts'
import type { KeyView } from '../domain/decide/keys.ts'
import type { KnownKeys } from '../domain/state.ts'
import { type IntentTaker, mutationHeaders, mutationRejections, takeIntent } from './intents.ts'
import type { Define } from './operation.ts'

export interface KeyReader {
  keys(): readonly KeyView[]
}

export interface KeyDesk {
  known(): KnownKeys
  /** A key for a dry run: kept nowhere. */
  tried(): Promise<string>
  /** With a new key that is stored already. */
  add<T>(ask: (publicKey: string) => Promise<T>): Promise<T>
  change<T>(ask: () => Promise<T>): Promise<T>
}

const keyId = z.string().regex(/^[0-9a-f]{16}$/, '16 hex digits')
const params = z.strictObject({ keyId })
const agent = z.strictObject({ cluster: names.clusterName, agent: names.agentName })
const shown = z
  .strictObject({
    keyId,
    publicKey: publicKeyText,
    state: z.enum(['signing', 'spare']),
    missing: z.array(agent).meta({ description: 'Agents that do not report it as pinned.' }),
  })
  .meta({ id: 'SigningKey' })
const answer = z.strictObject({ keyId })

export function defineKeys(
  define: Define,
  taker: IntentTaker,
  reader: KeyReader,
  desk: KeyDesk,
): void {
  define(
    {
      method: 'get',
      path: '/v1/keys',
      tag: 'keys',
      summary: 'List the signing keys, and which agents have not pinned them',
      access: 'admin',
      answers: {
        200: { description: 'The keys.', schema: z.strictObject({ keys: z.array(shown) }) },
      },
    },
    () => Response.json({ keys: reader.keys() }),
  )
  define(
    {
      method: 'post',
      path: '/v1/keys',
      tag: 'keys',
      summary: 'Make a key; every agent pins it',
      access: 'admin',
      headers: mutationHeaders,
      answers: { 201: { description: 'It is made, as a spare.', schema: answer } },
      rejections: [...mutationRejections, 'limit-reached', 'format-not-supported'],
    },
    async (asked) => {
      const ask = (newKey: string) =>
        takeIntent(taker, { type: 'add-key', newKey, known: desk.known() }, asked)
      return asked.dryRun ? ask(await desk.tried()) : desk.add(ask)
    },
  )
  for (const [name, summary, rejection] of [
    ['activate', 'Sign with this key from now on', 'key-not-pinned'],
    ['retire', 'Let agents forget a key that signs no more', 'last-key'],
  ] as const) {
    define(
      {
        method: 'post',
        path: `/v1/keys/{keyId}/${name}`,
        tag: 'keys',
        summary,
        access: 'admin',
        params,
        headers: mutationHeaders,
        answers: { 200: { description: 'It is so.', schema: answer } },
        rejections: [
          ...mutationRejections,
          'not-found',
          'format-not-supported',
          'key-not-pinned',
          ...(rejection === 'last-key' ? [rejection] : []),
        ],
      },
      ({ params, ...asked }) => {
        const ask = () =>
          takeIntent(taker, { type: `${name}-key`, ...params, known: desk.known() }, asked)
        return asked.dryRun ? ask() : desk.change(ask)
      },
    )
  }
}
