/** Chapter 2: processes die in the middle; the release says who, and one side wins everywhere. */
import { describe, expect, test } from 'vitest'
import type { ReleaseView } from '#wire/release.ts'
import { createHistory, type History } from '../../bench/load/history.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import type { Stage } from '../stage.ts'
import { underLoad } from './scene.ts'

const app = 'killed'

/**
 * Steps of control at which it kills itself, each while a promote is under way. Its start publishes two
 * headers (one a cluster), prepare the next two, commit two more.
 */
const crashes = [
  'append',
  'appended',
  'publish:3',
  'published:3',
  'append:2',
  'appended:2',
  'publish:5',
  'published:5',
] as const

export function killedChapter(stageOf: () => Stage): void {
  describe('killed with -9', () => {
    const others = (stage: Stage, away: string) =>
      stage.fleet.targets(stage.fleet.agents.map(({ name }) => name).filter((one) => one !== away))
    /** What is live everywhere now; whatever a former scene has left undone is given up. */
    async function settled(stage: Stage): Promise<string> {
      const { client } = stage.fleet
      for (const { id, phase } of await client.releases(app)) {
        if (!['live', 'retired', 'decommissioned', 'aborted'].includes(phase)) {
          await client.step(id, 'abort').catch(() => {})
        }
      }
      const live = await until(
        'one version is live everywhere',
        async () => (await client.releases(app)).find(({ status }) => status === 'live'),
        (view) => view !== undefined,
        30_000,
      )
      return live!.version
    }

    test('a whole agent in prepare, whenSilent abort: nothing moved, and the release names it', async () => {
      const stage = stageOf()
      const { fleet } = stage
      await stage.putApp(app)
      const live = '0.0.1'
      await stage.release({ app, version: live, autoPromote: true })
      const candidate = await stage.release({ app, version: '0.0.2', deadlineMs: 1_500 })
      const history = createHistory(live)
      await underLoad(
        stage,
        app,
        history,
        async () => {
          await fleet.killAll('us-1-b')
          await fleet.client.step(candidate.id, 'promote')
          const view = await until(
            'the switch is aborted',
            () => fleet.client.getRelease(candidate.id),
            (seen) => seen.switch?.state === 'aborted',
          )
          expect(view.switch?.reason).toContain('us-1/us-1-b')
          await until(
            'us-1-b is called silent',
            () => fleet.client.getRelease(candidate.id),
            (seen) => stateOf(seen, 'us-1-b') === 'silent',
          )
          await fleet.startOne('us-1-b')
          expect(await stage.get('us-1-b', app)).toMatchObject({ version: live })
        },
        { targets: others(stage, 'us-1-b') },
      )
    })

    test('a whole agent in prepare, whenSilent proceed: live except it, and it adopts before it is ready', async () => {
      const stage = stageOf()
      const { fleet } = stage
      const live = await settled(stage)
      const candidate = await stage.release({
        app,
        version: '0.0.3',
        whenSilent: 'proceed',
        deadlineMs: 1_500,
      })
      const history = createHistory(live)
      await underLoad(
        stage,
        app,
        history,
        async () => {
          await fleet.killAll('us-1-b')
          await history.move('0.0.3', async () => {
            await fleet.client.step(candidate.id, 'promote')
            await until(
              'live except us-1/us-1-b',
              () => fleet.client.getRelease(candidate.id),
              (seen) => seen.status === 'live except us-1/us-1-b',
            )
          })
          await adopts(stage, 'us-1-b', '0.0.3')
          await until(
            'live',
            () => fleet.client.getRelease(candidate.id),
            (seen) => seen.status === 'live',
          )
        },
        { targets: others(stage, 'us-1-b') },
      )
    })

    test('a whole agent in the middle of commit: only forward, named until it is back', async () => {
      const stage = stageOf()
      const { fleet } = stage
      const { client } = fleet
      const live = await settled(stage)
      const candidate = await stage.release({ app, version: '0.0.4', deadlineMs: 20_000 })
      const history = createHistory(live)
      await underLoad(
        stage,
        app,
        history,
        async () => {
          await history.move('0.0.4', async () => {
            // us-1-a holds prepare up until eu-1-b is prepared and can be stopped before the commit.
            process.kill(fleet.pid('us-1-a.pilot')!, 'SIGSTOP')
            await client.step(candidate.id, 'promote')
            await until(
              'eu-1-b is prepared',
              () => client.getRelease(candidate.id),
              (seen) => stateOf(seen, 'eu-1-b') === 'prepared',
            )
            process.kill(fleet.pid('eu-1-b.pilot')!, 'SIGSTOP')
            process.kill(fleet.pid('us-1-a.pilot')!, 'SIGCONT')
            await until(
              'the commit is decided',
              () => client.getRelease(candidate.id),
              (seen) => seen.switch?.decidedAtMs != null && stateOf(seen, 'us-1-a') === 'active',
            )
            await fleet.killAll('eu-1-b')
            const view = await client.getRelease(candidate.id)
            expect(view.phase).toBe('committing')
            expect(view.status).toContain('incomplete')
            expect(view.status).toContain('eu-1')
            await adopts(stage, 'eu-1-b', '0.0.4')
            await untilPhase(client, candidate.id, 'live')
          })
        },
        { targets: others(stage, 'eu-1-b') },
      )
    })

    test('a pilot: traffic does not notice, and it is back within a second', async () => {
      const stage = stageOf()
      const { fleet } = stage
      const live = await settled(stage)
      await underLoad(stage, app, createHistory(live), async () => {
        const killedMs = performance.now()
        await fleet.kill('eu-1-a.pilot')
        await until(
          'it is back',
          () => fleet.pid('eu-1-a.pilot'),
          (pid) => pid !== null,
        )
        expect(performance.now() - killedMs).toBeLessThan(1_000)
        const { id } = await stage.release({ app, version: '0.0.5' })
        await fleet.client.step(id, 'abort')
      })
    })

    test.each(crashes)(
      'control at %s during a promote: one side everywhere at the end',
      async (step) => {
        const stage = stageOf()
        const { fleet } = stage
        const live = await settled(stage)
        const next = `0.1.${crashes.indexOf(step)}`
        const candidate = await stage.release({ app, version: next, deadlineMs: 3_000 })
        const history = createHistory(live)
        await underLoad(stage, app, history, async () => {
          await fleet.stopOne('control')
          await fleet.startOne('control', { SWITCHYARD_CRASH_AT: step })
          const view = await oneSideWins(stage, history, candidate.id, next)
          for (const { name } of fleet.agents) {
            const expected = view.phase === 'live' ? next : live
            expect(await stage.get(name, app)).toMatchObject({ version: expected })
          }
        })
      },
    )

    /** Promotes until control dies of it, starts it again, and waits for the end of the switch. */
    async function oneSideWins(stage: Stage, history: History, release: string, next: string) {
      const { fleet } = stage
      const { answer } = await history.move(
        next,
        async () => {
          await fleet.client.step(release, 'promote').catch(() => {})
          await until(
            'control died',
            () => fleet.pid('control'),
            (pid) => pid === null,
            5_000,
          ).catch(() => fleet.kill('control'))
          await fleet.startOne('control')
          return until(
            'the switch has ended',
            () => fleet.client.getRelease(release),
            ({ phase }) => phase === 'live' || phase === 'ready' || phase === 'aborted',
          )
        },
        (view) => view.phase === 'live',
      )
      return answer
    }
  })
}

const stateOf = (view: ReleaseView, agent: string) =>
  view.agents.find((one) => one.agent === agent)?.state

/** Starts a killed agent; whatever it answers once it is ready comes from `version`. */
async function adopts(stage: Stage, agent: string, version: string): Promise<void> {
  await stage.fleet.startOne(agent)
  for (let n = 0; n < 20; n++) {
    expect(await stage.get(agent, app)).toMatchObject({ status: 200, version })
  }
}
