/**
 * Chapter 10: blue-green flips over all clusters, one after another under load: from the call to the last request on
 * the old version, and how far apart the agents were.
 */
import { describe, expect, test } from 'vitest'
import type { ReleaseView } from '#wire/release.ts'
import { createHistory, type Moved } from '../../bench/load/history.ts'
import { lastSentMs, type Spread, spread } from '../../bench/load/verdict.ts'
import { underLoad } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { expectVersion, live } from './scene.ts'
import type { StoryStage } from './story-stage.ts'

const app = 'flipped'
const ratePerSecond = 500
/** Promised (P9): to the last old request, and of a rollback to its answer. */
const flipMsMax = 1_000
const skewMsMax = 1_000

export interface HowOften {
  readonly flips: number
}

interface Flip {
  readonly kind: 'promote' | 'rollback'
  readonly from: string
  readonly moved: Moved<ReleaseView>
  readonly shown: ReleaseView['switch']
}

export function flipsChapter(stageOf: () => StoryStage, { flips }: HowOften): void {
  describe('blue-green flips', () => {
    test(`${flips} in a row, none with a failed request`, {
      timeout: 300_000 + flips * 2_000,
    }, async () => {
      const stage = stageOf()
      const { client } = stage
      await stage.putApp(app, { intent: { copies: 2 } })
      await stage.release({ app, version: '1', image: imageOf('1'), autoPromote: true })
      const { id } = await stage.release({ app, version: '2', image: imageOf('2') })
      const history = createHistory('1')
      const made: Flip[] = []
      const flip = async (kind: Flip['kind'], to: string) => {
        const from = history.current
        const moved = await history.move(to, () => client.step(id, kind, live))
        made.push({ kind, from, moved, shown: (await client.getRelease(id)).switch })
      }
      const scene = async () => {
        while (made.length < flips) {
          if (history.current === '1') await flip('promote', '2')
          else await flip('rollback', '1')
        }
      }
      const { samples } = await underLoad(stage, app, history, scene, { ratePerSecond })
      await expectVersion(stage, app, history.current)

      const lastOldMs = ({ from, moved: { calledMs, answeredMs } }: Flip) =>
        Math.max(0, (lastSentMs(samples, from, answeredMs) ?? calledMs) - calledMs)
      const rows = [
        ...(['promote', 'rollback'] as const).flatMap((kind) => {
          const these = made.filter((one) => one.kind === kind)
          return [
            row(`${kind}: call to the last request on the old version`, these.map(lastOldMs)),
            row(
              `${kind}: call to the answer that all have switched`,
              these.map(({ moved }) => moved.answeredMs - moved.calledMs),
            ),
          ]
        }),
        row('both: call to the last request on the old version', made.map(lastOldMs)),
        row(
          'skew over the agents of both clusters',
          made.flatMap(({ shown }) => shown?.skewMs ?? []),
        ),
        row(
          'its error bound',
          made.flatMap(({ shown }) => shown?.skewErrorMs ?? []),
        ),
      ]
      console.log([`${made.length} flips, ${samples.length} requests, ms:`, ...rows].join('\n'))
      expect(made).toHaveLength(flips)
      const agents = (await Promise.all(stage.clusters.map((cluster) => cluster.agents()))).flat()
      for (const flip of made) {
        const { kind, moved, shown } = flip
        expect(lastOldMs(flip)).toBeLessThan(flipMsMax)
        if (kind === 'rollback') expect(moved.answeredMs - moved.calledMs).toBeLessThan(flipMsMax)
        expect(shown).toMatchObject({ state: 'completed', except: [] })
        expect(shown!.required).toHaveLength(agents.length)
        expect(shown!.skewMs).not.toBeNull()
        expect(shown!.skewMs).toBeLessThan(skewMsMax)
      }
    })
  })
}

const row = (what: string, values: readonly number[]): string => {
  const { count, p50, p99, max }: Spread = spread(values)
  return `${what}: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${max.toFixed(1)} (${count})`
}
