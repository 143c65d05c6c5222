/**
 * Any prefix of any history: the same state and the same bytes, trees that are what the state says, and
 * generations and revisions that only rise.
 */
import { expect, test } from 'vitest'
import { objectsOf } from '#wire/tree.ts'
import { evolve } from '../../control/domain/evolve.ts'
import { parseRecord, recordText } from '../../control/domain/record.ts'
import { rebuild, snapshotOf } from '../../control/domain/snapshot/snapshot.ts'
import { emptyState, type State } from '../../control/domain/state.ts'
import { simulate } from './simulation.ts'

const seeds = Array.from({ length: 12 }, (_, n) => 5_000 + n)

test.each(seeds)('the history of seed %i', (seed) => {
  const { log } = simulate(seed, 300)
  let [state, again]: [State, State] = [emptyState, emptyState]
  const generations = new Map<string, number>()
  log.forEach((text, index) => {
    const record = parseRecord(text, index + 1)
    expect(recordText(record)).toBe(text)
    const before = state
    state = evolve(state, record)
    again = evolve(again, parseRecord(text, index + 1))
    for (const { name, revision, tree } of state.clusters.values()) {
      expect(again.clusters.get(name)?.tree.root).toBe(tree.root)
      const held = before.clusters.get(name)
      if (held?.tree === tree) continue
      expect(rebuild(state, name).root).toBe(tree.root)
      expect(revision).toBe(record.position)
      for (const object of objectsOf(snapshotOf(state, name))) {
        if (object.kind !== 'position') continue
        const key = `${name} ${object.app}`
        expect(object.generation).toBeGreaterThanOrEqual(generations.get(key) ?? 0)
        expect(object.next?.generation ?? Infinity).toBeGreaterThan(object.generation)
        generations.set(key, object.generation)
      }
    }
  })
  expect(again).toEqual(state)
})
