/** Who may answer when, as read from the log: what lives are judged by must be narrow enough to judge. */
import { expect, test } from 'vitest'
import type { Allowed } from '../../bench/load/verdict.ts'
import { evolve } from '../../control/domain/evolve.ts'
import { parseRecord, type TurnRecord } from '../../control/domain/record.ts'
import { emptyState, type ReleaseState, releaseOf } from '../../control/domain/state.ts'
import { simulate } from '../simulation/simulation.ts'
import { readTimeline } from './timeline.ts'

const lives = 40
const quietMs = 4

interface Completed {
  readonly release: ReleaseState
  readonly decidedMs: number
  readonly completedMs: number
}

/** Switches of all traffic that every agent has acknowledged, and behind which nothing happened for a while. */
function wholeSwitches(records: readonly TurnRecord[]): Completed[] {
  const proposed = new Map<number, string>()
  const decided = new Map<number, number>()
  let state = emptyState
  return records.flatMap(({ events, position, at }, index) => {
    state = evolve(state, records[index]!)
    const isQuiet = (records[index + 1]?.at ?? Number.POSITIVE_INFINITY) > at + quietMs
    return events.flatMap((event) => {
      if (event.type === 'switch-proposed' && !event.weights) proposed.set(position, event.release)
      if (event.type === 'commit-decided') decided.set(event.generation, at)
      if (event.type !== 'switch-completed' || event.except.length > 0 || !isQuiet) return []
      const release = releaseOf(state, proposed.get(event.generation) ?? '')
      const decidedMs = decided.get(event.generation)
      return release && decidedMs !== undefined ? [{ release, decidedMs, completedMs: at }] : []
    })
  })
}

const versionsAt = (spans: readonly Allowed[], moment: number) =>
  new Set(
    spans
      .filter(
        ({ fromMs, toMs }) => fromMs <= moment && moment <= (toMs ?? Number.POSITIVE_INFINITY),
      )
      .map(({ version }) => version),
  )

test('the new version may answer from the decision, and it alone once all have acknowledged', () => {
  let switches = 0
  for (let seed = 1; seed <= lives; seed++) {
    const records = simulate(seed, 300).log.map((text, index) => parseRecord(text, index + 1))
    const timeline = readTimeline(records, (wallMs) => wallMs)
    for (const { release, decidedMs, completedMs } of wholeSwitches(records)) {
      const { app, version, clusters } = release
      for (const cluster of clusters) {
        const spans = timeline.allowed(app, cluster)
        const what = `seed ${seed}, ${release.id} in ${cluster}`
        expect(versionsAt(spans, decidedMs), what).toContain(version)
        expect(versionsAt(spans, completedMs + quietMs / 2), what).toEqual(new Set([version]))
        switches++
      }
    }
  }
  expect(switches).toBeGreaterThan(lives / 4)
})
