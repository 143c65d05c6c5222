/**
 * Logs that former versions wrote: this version must read them, come to the same snapshots and write the
 * same bytes. The golden file of a released version is never changed; the one of the version that is being
 * made is made anew when events are added: `npx node control/domain/golden/make.ts > …/log-2.json`.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { evolve } from './evolve.ts'
import { liveEverything } from './golden/life.ts'
import { parseRecord, recordText } from './record.ts'
import { emptyState, type State } from './state.ts'
import { eventTypes } from './words/sentence.ts'

interface Golden {
  /** Digest of each cluster's snapshot after the last record. */
  readonly digests: Readonly<Record<string, string>>
  readonly records: readonly string[]
}

/** Made by `golden/make.ts`, each by its own version. */
const logs = ['log-1.json', 'log-2.json']

function read(name: string): Golden {
  const file = new URL(`golden/${name}`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Golden
}

test.each(logs)('%s is read as it was meant', (name) => {
  const golden = read(name)
  let state: State = emptyState
  golden.records.forEach((text, index) => {
    const record = parseRecord(text, index + 1)
    expect(recordText(record)).toBe(text)
    state = evolve(state, record)
  })
  const digests = [...state.clusters.values()].map(({ name: cluster, tree }) => [
    cluster,
    tree.root,
  ])
  expect(Object.fromEntries(digests)).toEqual(golden.digests)
})

test('this version lives the life of its golden log', () => {
  expect(liveEverything().records.map(recordText)).toEqual(read(logs.at(-1)!).records)
})

test('the newest log holds everything that can happen', () => {
  const happened = new Set(
    read(logs.at(-1)!).records.flatMap((text, index) =>
      parseRecord(text, index + 1).events.map(({ type }) => type),
    ),
  )
  const missing = eventTypes.filter((type) => !happened.has(type))
  expect(missing, 'let it happen in golden/life.ts, and make a golden log of this version').toEqual(
    [],
  )
})
