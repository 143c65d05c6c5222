/**
 * Any history looked back at: the tables of the history say of every revision what the fold itself says,
 * blame finds the record that a search through all of them finds, and a state that was kept is the state.
 */
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { explain, type PlainRequest } from '#router/reference.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'
import { evolve } from '../../control/domain/evolve.ts'
import { parseRecord } from '../../control/domain/record.ts'
import { emptyState, type State } from '../../control/domain/state.ts'
import { createHistory, type History } from '../../control/history/history.ts'
import { createUnpacker, packed } from '../../control/history/packed.ts'
import { openHistoryDatabase } from '../../control/node/history-database.ts'
import { simulate } from './simulation.ts'

const seeds = Array.from({ length: 8 }, (_, n) => 6_000 + n)
const clusters = ['eu-1', 'us-1']

/** The states after each record, and the history that followed them. */
async function looked(seed: number): Promise<{ states: State[]; history: History }> {
  const { log } = simulate(seed, 800)
  const history = createHistory({
    log: {
      async read(position, limit) {
        const texts = log.slice(position, position + limit)
        return texts.map((text, n) => ({ position: position + n + 1, text }))
      },
    },
    open: () => openHistoryDatabase(':memory:'),
    remove() {},
    code: 'tests',
    monotonicMs: () => performance.now(),
    onDamage(error) {
      throw error
    },
  })
  const states = [await history.begin()]
  for (const [index, text] of log.entries()) {
    const before = states[index]!
    const record = parseRecord(text, index + 1)
    states.push(evolve(before, record))
    history.keep({ before, after: states.at(-1)!, record, text })
  }
  return { states, history }
}

const found = <T>(looked: { found: T } | { rejection: unknown }): T => {
  if ('rejection' in looked) throw new Error(JSON.stringify(looked.rejection))
  return looked.found
}

describe.each(seeds)('the history of seed %i', (seed) => {
  test('has every snapshot of every cluster, and none before there was one', async () => {
    const { states, history } = await looked(seed)
    for (const [position, state] of states.entries()) {
      for (const cluster of clusters) {
        const held = state.clusters.get(cluster)
        const shown = found(await history.snapshot(cluster, position))
        expect(shown?.tree.root).toBe(held?.tree.root)
        expect(shown?.revision).toBe(held?.revision)
        expect(shown?.epoch).toEqual(held && state.epoch)
        expect(shown?.format).toBe(held && state.format)
      }
    }
    await history.close()
  })

  test('blames the record that a search through all of them finds', async () => {
    const { states, history } = await looked(seed)
    const requests = ['/', '/test', '/test/cart'].flatMap((path) =>
      ['shop.example', 'www.shop.example', 'blog.example', 'nobody.example'].map((host) =>
        request(host, path),
      ),
    )
    for (const asked of requests) {
      for (const cluster of clusters) {
        const answers = states.map(({ clusters }) => answer(clusters.get(cluster)?.tree, asked))
        for (const position of [states.length - 1, states.length >> 1, 9]) {
          const blamed = found(await history.blame(cluster, position, asked))
          const last = answers
            .slice(0, position + 1)
            .findLastIndex((one) => one !== answers[position])
          const since = last < 0 || answers[last] === null ? null : last + 1
          expect(blamed?.since?.position ?? null, `${JSON.stringify(asked)} at ${position}`).toBe(
            since,
          )
          expect(blamed?.before?.revision ?? 0).toBeLessThan(since ?? 1)
        }
      }
    }
    await history.close()
  })

  test('a kept state is the state, whatever it holds', async () => {
    const { states, history } = await looked(seed)
    for (const state of states.filter((_, n) => n % 7 === 0).concat(states.at(-1)!)) {
      const unpack = createUnpacker()
      const values = [...packed(state)].map(unpack)
      expect(isDeepStrictEqual(values.at(-1), state)).toBe(true)
    }
    await history.close()
  })
})

const request = (host: string, path: string): PlainRequest => ({
  method: 'GET',
  host,
  path,
  headers: [],
})

/** What is noticed of the answer; null: there was no cluster. */
function answer(tree: Tree | undefined, asked: PlainRequest): string | null {
  if (!tree) return null
  const { status, destination } = explain([...objectsOf(tree)], asked)
  const { generation: _, reason: __, ...noticed } = destination ?? { generation: 0, reason: '' }
  return JSON.stringify([status, noticed])
}

test('emptyState is kept too', () => {
  expect(isDeepStrictEqual([...packed(emptyState)].map(createUnpacker()).at(-1), emptyState)).toBe(
    true,
  )
})
