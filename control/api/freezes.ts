/** Freeze windows: set whole, listed, lifted. */
import { z } from 'zod'
import { type FreezeView, freezeIntent, freezeView } from '#wire/freeze.ts'
import { routeName } from '#wire/names.ts'
import { boundsOf, concerns } from '../domain/permission.ts'
import { type IntentTaker, mutationHeaders, mutationRejections, takeIntent } from './intents.ts'
import type { Define, Principal } from './operation.ts'
import { problem } from './problem.ts'

export interface FreezeReader {
  /** By name. */
  freezes(): readonly FreezeView[]
}

const shown = freezeView.meta({ id: 'Freeze' })
const params = z.strictObject({ name: routeName })

export function defineFreezes(define: Define, taker: IntentTaker, reader: FreezeReader): void {
  define(
    {
      method: 'get',
      path: '/v1/freezes',
      tag: 'freezes',
      summary: 'List the freeze windows, and which of them hold now',
      access: 'read',
      about: 'shown',
      answers: {
        200: { description: 'By name.', schema: z.strictObject({ freezes: z.array(shown) }) },
      },
    },
    ({ principal }) => Response.json({ freezes: seenBy(principal, reader) }),
  )
  define(
    {
      method: 'get',
      path: '/v1/freezes/{name}',
      tag: 'freezes',
      summary: 'Show a freeze window',
      access: 'read',
      about: 'shown',
      params,
      answers: { 200: { description: 'The window.', schema: shown } },
      rejections: ['not-found'],
    },
    ({ params: { name }, principal }) => {
      const found = seenBy(principal, reader).find((freeze) => freeze.name === name)
      return found ? Response.json(found) : problem(unknownFreeze(name))
    },
  )
  define(
    {
      method: 'put',
      path: '/v1/freezes/{name}',
      tag: 'freezes',
      summary: 'Set a time in which no release takes more public traffic',
      access: 'release',
      params,
      headers: mutationHeaders,
      body: freezeIntent.meta({ id: 'FreezeIntent' }),
      answers: {
        200: { description: 'It was there, and is as asked now.', schema: shown },
        201: { description: 'It is new.', schema: shown },
      },
      rejections: [...mutationRejections, 'unknown-app', 'unknown-cluster', 'limit-reached'],
    },
    ({ params: { name }, body, ...asked }) =>
      takeIntent(taker, { type: 'set-freeze', name, body }, asked),
  )
  define(
    {
      method: 'delete',
      path: '/v1/freezes/{name}',
      tag: 'freezes',
      summary: 'Lift a freeze window',
      access: 'release',
      params,
      headers: mutationHeaders,
      answers: { 200: { description: 'It is lifted.', schema: z.looseObject({}) } },
      rejections: [...mutationRejections, 'not-found'],
    },
    ({ params: { name }, ...asked }) => takeIntent(taker, { type: 'lift-freeze', name }, asked),
  )
}

/** Those that hold for an app and a cluster that the caller is for. */
const seenBy = (principal: Principal, reader: FreezeReader): readonly FreezeView[] =>
  principal.kind === 'operator'
    ? reader.freezes().filter((freeze) => concerns(boundsOf(freeze), principal.permit))
    : []

const unknownFreeze = (name: string) =>
  ({
    code: 'not-found',
    detail: `No freeze is called "${name}".`,
    fix: 'List them with GET /v1/freezes.',
  }) as const
