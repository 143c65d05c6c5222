/** Load on several clusters at once that is asked for, and judged, as one. */
import type { LoadCounts, LoadPlan, LoadResult } from '../../bench/load/plan.ts'
import { type Load, startLoad } from '../../bench/load.ts'
import type { Place } from './place.ts'
import type { StoryLoad } from './story-stage.ts'

/** The rate and the concurrency of the plan are those of all places together. */
export async function startFleetLoad(
  places: readonly { readonly place: Pick<Place, 'launchLoad'>; readonly plan: LoadPlan }[],
): Promise<StoryLoad> {
  const loads: Load[] = []
  try {
    for (const [n, { place, plan }] of places.entries()) {
      const share = {
        ...plan,
        ratePerSecond: plan.ratePerSecond / places.length,
        concurrencyMax: Math.ceil(plan.concurrencyMax / places.length),
        seed: plan.seed + n,
      }
      loads.push(await startLoad(share, place.launchLoad))
    }
  } catch (error) {
    for (const load of loads) load.kill()
    throw error
  }
  return {
    counts: async () => sumOf(await Promise.all(loads.map((load) => load.counts()))),
    stop: async () => together(await Promise.all(loads.map((load) => load.stop()))),
    kill() {
      for (const load of loads) load.kill()
    },
  }
}

const total = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0)

function sumOf(counts: readonly LoadCounts[]): LoadCounts {
  const byVersion: Record<string, number> = {}
  for (const one of counts) {
    for (const [version, count] of Object.entries(one.byVersion)) {
      byVersion[version] = (byVersion[version] ?? 0) + count
    }
  }
  return {
    sent: total(counts.map(({ sent }) => sent)),
    done: total(counts.map(({ done }) => done)),
    failed: total(counts.map(({ failed }) => failed)),
    inFlight: total(counts.map(({ inFlight }) => inFlight)),
    byVersion,
  }
}

const together = (results: readonly LoadResult[]): LoadResult => ({
  startedMs: Math.min(...results.map(({ startedMs }) => startedMs)),
  endedMs: Math.max(...results.map(({ endedMs }) => endedMs)),
  lost: total(results.map(({ lost }) => lost)),
  samples: results.flatMap(({ samples }) => samples),
})
