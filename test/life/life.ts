/**
 * One seeded life of a real fleet under load: three clusters, two apps, operators who press buttons at
 * random, and a load that asks all the while. Every answer is held against the log; at the end everything
 * must come to rest on one side.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type LoadResult, monotonicMs } from '../../bench/load/plan.ts'
import { describe as inWords, judge, only } from '../../bench/load/verdict.ts'
import type { EventType } from '../../control/domain/event.ts'
import { parseRecord } from '../../control/domain/record.ts'
import { openSqliteLog } from '../../control/node/sqlite-log.ts'
import { clusters, people } from '../simulation/operators.ts'
import { createRandom } from '../simulation/random.ts'
import type { Stage } from '../stage.ts'
import { ask, hireOperators } from './asking.ts'
import { nextIntent } from './operator.ts'
import { comeToRest } from './rest.ts'
import { readTimeline } from './timeline.ts'

export const apps = ['shop', 'blog'] as const
const intents = 25
const betweenMs = 1_200
const ratePerSecond = 60

export interface Lived {
  readonly requests: number
  readonly failed: number
  readonly misrouted: number
  /** Kept connections that a change has closed. */
  readonly lost: number
  /** The first of what went wrong, for a message. */
  readonly words: string
  /** Intents that were accepted, and the codes of those that were not. */
  readonly accepted: number
  readonly refused: Readonly<Record<string, number>>
  readonly events: readonly EventType[]
}

export async function live(stage: Stage, seed: number): Promise<Lived> {
  const { fleet } = stage
  const random = createRandom(seed)
  const operators = await hireOperators(fleet.client)
  for (const app of apps) {
    await stage.putApp(app)
    await stage.release({ app, version: '0.0.0', autoPromote: true })
  }
  const loads = await Promise.all(
    apps.map((app) => stage.load(app, { ratePerSecond, users: 100, seed: seed + 1 })),
  )
  const offsetMs = monotonicMs() - Date.now()
  const refused: Record<string, number> = {}
  let accepted = 0
  let results: readonly LoadResult[]
  try {
    for (let n = 0; n < intents; n++) {
      const app = random.chance(0.7) ? apps[0] : apps[1]
      const releases = await fleet.client.releases(app)
      const intent = nextIntent(random, app, releases, Date.now())
      const who = random.pick(people)
      if (intent) {
        const code = await ask(operators[who]!, intent)
        if (code === null) accepted++
        else refused[code] = (refused[code] ?? 0) + 1
      }
      await delay(random.below(2 * betweenMs))
    }
    for (const app of apps) await comeToRest(stage, operators, app)
  } finally {
    results = await Promise.all(loads.map((load) => load.stop()))
  }
  const records = await stopAndRead(stage)
  const timeline = readTimeline(records, (wallMs) => wallMs + offsetMs)
  const verdicts = apps.flatMap((app, n) =>
    clusters.map((cluster) => {
      const here = only(
        results[n]!,
        ({ target }) => target === '' || target.startsWith(`${cluster}-`),
      )
      return judge(here, timeline.allowed(app, cluster))
    }),
  )
  const sum = (read: (verdict: (typeof verdicts)[number]) => number) =>
    verdicts.reduce((total, verdict) => total + read(verdict), 0)
  const wrong = verdicts.filter(({ failed, misrouted }) => failed + misrouted > 0)
  return {
    requests: sum(({ requests }) => requests),
    failed: sum(({ failed }) => failed),
    misrouted: sum(({ misrouted }) => misrouted),
    lost: results.reduce((total, { lost }) => total + lost, 0),
    words: wrong.map(inWords).join('\n'),
    accepted,
    refused,
    events: records.flatMap((record) => record.events.map(({ type }) => type)),
  }
}

async function stopAndRead({ fleet, folder }: Stage) {
  await fleet.stop()
  const log = openSqliteLog(join(folder, 'control', 'log.sqlite'))
  const stored = await log.read(0, 1_000_000)
  await log.close()
  return stored.map(({ text, position }) => parseRecord(text, position))
}
