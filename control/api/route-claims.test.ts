import { expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import type { Input } from '../domain/input.ts'
import type { IntentTaker } from './intents.ts'
import { createRouteClaims } from './route-claims.ts'

let nowMs = 0
const claims = createRouteClaims(() => nowMs)
const refuse = (other: string, route = 'route/late/default') => {
  const evidence = { cluster: 'eu-1', host: 'web.example', route, other }
  const rejection = { code: 'route-conflict', detail: '', evidence } as const
  const taker = { submit: async () => ({ ok: false, rejection }) } as unknown as IntentTaker
  return claims.overhearing(taker).submit({} as Input)
}
const words = 'route/late/default says the same on web.example: it came later, and was refused'

it('are kept for two minutes, by the Ingress object that was there first', async () => {
  await refuse('ingress/shop/web/web.example/')
  await refuse('route/shop/default')
  expect(claims.on('eu-1', 'shop/web')).toBe(words)
  expect([claims.on('us-1', 'shop/web'), claims.on('eu-1', 'shop/default')]).toEqual([null, null])
  nowMs += 120_000
  expect(claims.on('eu-1', 'shop/web')).toBe(words)
  nowMs++
  expect(claims.on('eu-1', 'shop/web')).toBeNull()
})

it('are bounded: the oldest goes, the newest of each object is told', async () => {
  for (let n = 0; n < limits.routeClaims; n++) await refuse(`ingress/shop/${n}/web.example/`)
  await refuse('ingress/shop/0/web.example/', 'preview/late/late-r1')
  expect(claims.on('eu-1', 'shop/0')).toContain('preview/late/late-r1 says')
  await refuse('ingress/shop/more/web.example/')
  expect([claims.on('eu-1', 'shop/1'), claims.on('eu-1', 'shop/2')]).toEqual([null, words])
})
