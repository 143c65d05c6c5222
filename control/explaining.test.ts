import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { liveShop, putApp } from './domain/fleet-of.fixture.ts'
import { createExplain } from './explaining.ts'

const wasm = readFileSync(new URL('../router-wasm/build/router.wasm', import.meta.url))

it('the past is explained from the host’s routes alone, to the same answer', () => {
  const fleet = liveShop()
  fleet.ask(putApp('wild', { hosts: ['*.example'] }))
  fleet.ask(putApp('other', { hosts: ['other.test'] }))
  const { tree } = fleet.state().clusters.get('eu-1')!
  const explain = createExplain(() => wasm)
  for (const host of ['shop.example', 'any.example', 'other.test', 'nobody.test', 'a b']) {
    const asked = { method: 'GET', host, path: '/', headers: [] }
    expect(explain(tree, asked, false), host).toEqual(explain(tree, asked, true))
  }
})
