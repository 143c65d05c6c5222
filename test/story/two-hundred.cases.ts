/** Chapter 4: two hundred switches in a row under load; times and skew beside DESIGN's numbers. */
import { describe, expect, test } from 'vitest'
import type { ReleaseView } from '#wire/release.ts'
import { createHistory, type Moved } from '../../bench/load/history.ts'
import { lastSentMs, type Spread, spread } from '../../bench/load/verdict.ts'
import type { Stage } from '../stage.ts'
import { underLoad } from './scene.ts'

const app = 'often'
const switches = 200

export function twoHundredChapter(stageOf: () => Stage): void {
  describe('two hundred switches', () => {
    test(`${switches} in a row under load, none with a failed request`, {
      timeout: 180_000,
    }, async () => {
      const stage = stageOf()
      const { client } = stage.fleet
      await stage.putApp(app)
      await stage.release({ app, version: '1', autoPromote: true })
      const second = (await stage.release({ app, version: '2' })).id
      const history = createHistory('1')
      const moves: { kind: 'promote' | 'rollback'; from: string; moved: Moved<ReleaseView> }[] = []
      const skews: number[] = []
      const errors: number[] = []

      const result = await underLoad(
        stage,
        app,
        history,
        async () => {
          for (let n = 0; n < switches; n++) {
            const kind = n % 2 === 0 ? 'promote' : 'rollback'
            const from = history.current
            const to = kind === 'promote' ? '2' : '1'
            const moved = await history.move(to, () =>
              client.step(second, kind, { wait: 'active', timeoutMs: 10_000 }),
            )
            moves.push({ kind, from, moved })
            const { switch: last } = await client.getRelease(second)
            if (last?.skewMs != null) skews.push(last.skewMs)
            if (last?.skewErrorMs != null) errors.push(last.skewErrorMs)
          }
        },
        { ratePerSecond: 200 },
      )

      for (const kind of ['promote', 'rollback'] as const) {
        const ofKind = moves.filter((move) => move.kind === kind)
        const answered = ofKind.map(({ moved }) => moved.answeredMs - moved.calledMs)
        const lastOld = ofKind.map(({ from, moved }) => {
          const last = lastSentMs(result.samples, from, moved.answeredMs)
          return Math.max(0, (last ?? moved.calledMs) - moved.calledMs)
        })
        print(`${kind}: until answered`, spread(answered))
        print(`${kind}: to the last request on the old version (reach 8 / 30 ms)`, spread(lastOld))
        expect(ofKind).toHaveLength(switches / 2)
      }
      print('skew between first and last agent (reach 2 / 10 ms)', spread(skews))
      print('error bound of the skew', spread(errors))
    })
  })
}

function print(what: string, { count, p50, p99, max }: Spread): void {
  const ms = [p50, p99, max].map((value) => value.toFixed(1))
  console.log(`${what}: p50 ${ms[0]}, p99 ${ms[1]}, max ${ms[2]} ms (${count})`)
}
