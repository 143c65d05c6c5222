/**
 * Logs that former versions wrote: this version must read them, come to the same snapshots and write the
 * same bytes. A golden file is never changed; a new format of events gets a new one beside it.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { evolve } from './evolve.ts'
import { parseRecord, recordText } from './record.ts'
import { emptyState, type State } from './state.ts'

interface Golden {
  /** Digest of each cluster's snapshot after the last record. */
  readonly digests: Readonly<Record<string, string>>
  readonly records: readonly string[]
}

test.each(['log-1.json'])('%s is read as it was meant', (name) => {
  const file = new URL(`golden/${name}`, import.meta.url)
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden
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
