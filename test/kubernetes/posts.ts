/**
 * The same POSTs again and again, whatever is broken meanwhile: promote and rollback, a rolling release, a new
 * release. Two apps are under load all along, and what the releases wait for is written down.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { limits } from '#wire/limits.ts'
import type { ReleaseView } from '#wire/release.ts'
import { createHistory, type History } from '../../bench/load/history.ts'
import type { LoadPlan } from '../../bench/load/plan.ts'
import type { CallOptions } from '../../deploy/local/control-client.ts'
import { until } from '../../deploy/local/until.ts'
import { underLoad } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { expectVersion } from './scene.ts'
import type { StoryStage } from './story-stage.ts'

/** Moved from one side to the other and back; its pods are replaced; has one release more. */
const [moved, replaced, more] = ['moved', 'replaced', 'more'] as const
const apps = [moved, replaced, more]
const copies = 2
const ratePerSecond = 100
/** As with a preStop hook: whoever has not heard yet that a pod goes is answered. */
const env = { DRAIN_MS: '5000' }
/** A call that control does not answer, because its pod has gone meanwhile, is made again. */
const quick = { timeoutMs: 1_000 }

export interface Posts {
  /** Of the app that is moved: what is live before and after, and what is tried. */
  readonly blue: string
  readonly green: string
  /** An app that nothing is moved of, and what is live of it. */
  readonly other: { readonly app: string; readonly release: string }
  /**
   * Plays `fault` beside the POSTs, all of them under load: no request failed, none was misrouted, and at the
   * end one version answers at every agent. Gives what releases waited for.
   */
  during(fault: Fault, plan?: Partial<LoadPlan>): Promise<readonly string[]>
}

export interface Fault {
  /** Resolves when it has begun: then the POSTs are sent. */
  begin(posts: Posts): Promise<void>
  /** Resolves when it is over. */
  end(posts: Posts): Promise<void>
}

/** `withinMs`: bound of every POST's consequences, faults included. */
export async function openPosts(stage: StoryStage, withinMs: number): Promise<Posts> {
  const { client } = stage
  const deadlineMs = Math.min(withinMs, limits.switchDeadlineMs)
  const first = { version: '1', image: imageOf('1'), autoPromote: true }
  for (const app of apps) await stage.putApp(app, { intent: { copies }, env })
  const start = (app: string) => stage.release({ app, ...first })
  const [{ id: blue }, , { id: stays }] = await Promise.all([
    start(moved),
    start(replaced),
    start(more),
  ])
  const second = { app: moved, version: '2', image: imageOf('2'), deadlineMs }
  const { id: green } = await stage.release(second)
  let number = 1

  /** Control may be away: the same call, with its key, until it is answered. */
  const persist = <Answer>(post: (options: CallOptions) => Promise<Answer>): Promise<Answer> => {
    const idempotencyKey = randomUUID()
    return until(
      'an answer',
      () => post({ idempotencyKey, ...quick }),
      () => true,
      withinMs,
      100,
    )
  }
  const untilStatus = (release: string, status: RegExp) =>
    until(
      `${release} is ${status}`,
      () => client.call<ReleaseView>('GET', `/v1/releases/${release}`, undefined, quick),
      (view) => status.test(view.status),
      withinMs,
      50,
    )

  async function promoteAndBack(history: History): Promise<void> {
    await history.move('2', async () => {
      await persist((options) => client.step(green, 'promote', options))
      await untilStatus(green, /^live$/)
    })
    await history.move('1', async () => {
      await persist((options) => client.step(green, 'rollback', options))
      await untilStatus(blue, /^live$/)
    })
  }

  async function replace(history: History): Promise<void> {
    const image = history.current === '1' ? '2' : '1'
    const intent = {
      ...{ app: replaced, version: `${image}-${++number}`, image: imageOf(image) },
      ...{ strategy: 'rolling' as const, autoPromote: true, deadlineMs },
      rolling: { maxSurge: 1, maxUnavailable: 0, progressDeadlineMs: withinMs },
    }
    await history.move(image, async () => {
      const { id } = await persist((options) => client.createRelease(intent, options))
      await untilStatus(id, /^live$/)
    })
  }

  async function create(): Promise<void> {
    const intent = { app: more, version: `2-${number}`, image: imageOf('2'), deadlineMs }
    const { id } = await persist((options) => client.createRelease(intent, options))
    await untilStatus(id, /^ready$/)
    await persist((options) => client.step(id, 'abort', options))
    await untilStatus(id, /^aborted$/)
  }

  let live = '1'
  const posts: Posts = {
    blue,
    green,
    other: { app: more, release: stays },
    async during(fault, plan = {}) {
      const waits = overhear(stage)
      const back = createHistory('1')
      const forth = createHistory(live)
      const rate = { ratePerSecond, ...plan }
      const took: string[] = []
      const timed = async (what: string, task: Promise<unknown>) => {
        const startMs = performance.now()
        await task
        took.push(`${what} ${((performance.now() - startMs) / 1_000).toFixed(1)} s`)
      }
      const scene = async () => {
        await fault.begin(posts)
        await together([
          timed('promote and rollback', promoteAndBack(back)),
          timed('rolling', replace(forth)),
          timed('new release', create()),
          timed('fault', fault.end(posts)),
        ])
        console.log(took.join(', '))
      }
      const both = async () => void (await underLoad(stage, replaced, forth, scene, rate))
      try {
        await underLoad(stage, moved, back, both, rate)
      } finally {
        live = forth.current
      }
      await expectVersion(stage, moved, '1')
      await expectVersion(stage, replaced, live)
      await expectVersion(stage, more, '1')
      return waits.stop()
    },
  }
  return posts
}

/** All come to their end before the first failure is told: what runs on would disturb the next fault. */
async function together(tasks: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(tasks)).find((task) => task.status === 'rejected')
  if (failed) throw failed.reason
}

/** Writes down whatever a release says that it waits for. */
function overhear({ client }: StoryStage) {
  const heard = new Set<string>()
  let over = false
  const listening = (async () => {
    while (!over) {
      for (const app of apps) {
        const path = `/v1/releases?app=${app}`
        const seen = await client
          .call<{ releases: readonly ReleaseView[] }>('GET', path, undefined, quick)
          .catch(() => null)
        for (const { waiting } of seen?.releases ?? []) {
          if (waiting) heard.add(`${app}: ${waiting.code}: ${waiting.message}`)
        }
      }
      await delay(100)
    }
  })()
  return {
    async stop(): Promise<readonly string[]> {
      over = true
      await listening
      return [...heard]
    },
  }
}

export const expectHeard = (heard: readonly string[], words: RegExp): void =>
  expect(heard.join('\n')).toMatch(words)
