/** Prepare and commit when agents refuse, are silent, or die, and when control dies. */
import { describe, expect, it } from 'vitest'
import type { Scene } from './scene.ts'
import { agents, refusedOf, viewOf } from './world.ts'

export function barrierCases(scene: Scene): void {
  describe('an agent that refuses before the decision', () => {
    it('aborts the switch everywhere, with the reason, and nothing has moved', async () => {
      const { blue, green } = await scene.blueAndGreen()
      await scene.world.silence('eu-1-a')
      viewOf(await scene.world.step('promote', green))
      await scene.world.until(green, (view) => scene.stateOf(view, 'us-1-b') === 'prepared')
      await scene.world.setCopies(green, 'us-1-b', false)
      const aborted = await scene.inPhase(green, 'aborted')
      expect(aborted.switch).toMatchObject({ state: 'aborted', decidedAtMs: null })
      expect(aborted.switch?.reason).toMatch(/us-1-[ab] was prepared and is not any more/)
      await scene.world.wake('eu-1-a')
      await scene.everywhere(blue)
      expect((await scene.world.view(blue)).phase).toBe('live')
    })

    it('leaves a release that was live before retired, ready to be tried again', async () => {
      const { blue, green } = await scene.blueAndGreen()
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      await scene.world.silence('eu-1-a')
      viewOf(await scene.world.step('promote', blue))
      viewOf(await scene.world.step('abort', blue))
      expect((await scene.world.view(blue)).phase).toBe('retired')
      await scene.world.wake('eu-1-a')
      await scene.everywhere(green)
      viewOf(await scene.world.step('promote', blue))
      await scene.inPhase(blue, 'live')
    })
  })

  describe('an agent that is silent before the decision', () => {
    it('whenSilent abort: the switch aborts at its deadline and names it', async () => {
      const { blue, green } = await scene.blueAndGreen({ version: '2', deadlineMs: 1_000 })
      await scene.world.silence('us-1-b')
      expect(viewOf(await scene.world.step('promote', green)).phase).toBe('preparing')
      expect((await scene.world.view(green)).waiting).toMatchObject({ code: 'acks' })
      const aborted = await scene.inPhase(green, 'aborted')
      expect(aborted.switch?.reason).toContain('us-1/us-1-b is silent')
      expect(scene.stateOf(aborted, 'us-1-b')).toBe('silent')
      await scene.world.wake('us-1-b')
      await scene.everywhere(blue)
    })

    it('whenSilent proceed: live except it, until it is back', async () => {
      const { blue, green } = await scene.blueAndGreen({
        version: '2',
        deadlineMs: 1_000,
        whenSilent: 'proceed',
      })
      await scene.world.silence('us-1-b')
      viewOf(await scene.world.step('promote', green))
      const live = await scene.inPhase(green, 'live')
      expect(live.status).toBe('live except us-1/us-1-b')
      expect(live.switch?.except).toEqual([{ cluster: 'us-1', agent: 'us-1-b' }])
      expect(live.waiting?.message).toContain('us-1/us-1-b')
      await scene.everywhere(green, ['eu-1-a', 'eu-1-b', 'us-1-a'])
      const refused = refusedOf(await scene.world.step('decommission', blue))
      expect(refused.code).toBe('not-acknowledged')
      expect(JSON.stringify(refused.evidence)).toContain('us-1-b')
      await scene.world.wake('us-1-b')
      const whole = await scene.world.until(green, (view) => view.status === 'live')
      expect(whole.switch?.except).toEqual([])
      await scene.everywhere(green)
      viewOf(await scene.world.step('decommission', blue))
      await scene.inPhase(blue, 'decommissioned')
    })

    it('whenSilent proceed needs an ack from each cluster', async () => {
      const { blue, green } = await scene.blueAndGreen({
        version: '2',
        deadlineMs: 1_000,
        whenSilent: 'proceed',
      })
      await scene.world.silence('us-1-a')
      await scene.world.silence('us-1-b')
      viewOf(await scene.world.step('promote', green))
      const aborted = await scene.inPhase(green, 'aborted')
      expect(aborted.switch?.reason).toContain('us-1/us-1-a is silent')
      await scene.everywhere(blue)
    })

    it('does not count as prepared because it was for an earlier switch', async () => {
      const { blue, green } = await scene.blueAndGreen()
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      await scene.world.silence('eu-1-a')
      viewOf(await scene.world.step('promote', blue))
      const others = agents.filter((agent) => agent !== 'eu-1-a')
      await scene.world.until(blue, (view) =>
        others.every((one) => scene.stateOf(view, one) === 'prepared'),
      )
      for (const agent of others) await scene.world.silence(agent)
      viewOf(await scene.world.step('abort', blue))
      viewOf(await scene.world.step('promote', blue))
      await scene.world.wake('eu-1-a')
      await scene.world.until(blue, (view) => scene.stateOf(view, 'eu-1-a') === 'prepared')
      expect((await scene.world.view(blue)).phase).toBe('preparing')
      for (const agent of others) await scene.world.wake(agent)
      await scene.inPhase(blue, 'live')
    })

    it('is not waited for any more once it is forgotten', async () => {
      const { green } = await scene.blueAndGreen()
      await scene.world.silence('us-1-b')
      viewOf(await scene.world.step('promote', green))
      await scene.world.forget('us-1-b')
      const live = await scene.inPhase(green, 'live')
      expect(scene.stateOf(live, 'us-1-b')).toBe('absent')
      expect(live.status).toBe('live')
    })
  })

  describe('anything that fails after the decision', () => {
    it('goes only forward: committed, incomplete, until the agent is back', async () => {
      const { green } = await scene.incompleteCommit('eu-1-b', 'us-1-a')
      const alone = 'committed, incomplete: eu-1'
      const view = await scene.world.until(green, ({ status }) => status === alone)
      expect(view).toMatchObject({ phase: 'committing', waiting: { code: 'active' } })
      expect(view.waiting?.message).toContain('eu-1/eu-1-b')
      expect(refusedOf(await scene.world.step('abort', green)).code).toBe('phase-conflict')
      await scene.world.wake('eu-1-b')
      await scene.inPhase(green, 'live')
      await scene.everywhere(green)
    })

    it('goes on without endpoints too', async () => {
      const { green } = await scene.incompleteCommit('eu-1-b', 'us-1-a')
      await scene.world.setCopies(green, 'eu-1-b', false)
      await scene.world.wake('eu-1-b')
      await scene.inPhase(green, 'live')
      await scene.world.setCopies(green, 'eu-1-b', true)
    })
  })

  describe('control that dies between two steps', () => {
    it('before the decision: the switch is still being prepared, and comes to its end', async () => {
      const { green } = await scene.blueAndGreen()
      await scene.world.silence('eu-1-a')
      viewOf(await scene.world.step('promote', green))
      await scene.world.restartControl()
      expect((await scene.world.view(green)).phase).toBe('preparing')
      await scene.world.wake('eu-1-a')
      await scene.inPhase(green, 'live')
      await scene.everywhere(green)
    })

    it('before the decision: it still aborts at its deadline', async () => {
      const { blue, green } = await scene.blueAndGreen({ version: '2', deadlineMs: 1_000 })
      await scene.world.silence('eu-1-a')
      viewOf(await scene.world.step('promote', green))
      await scene.world.restartControl()
      await scene.inPhase(green, 'aborted')
      await scene.world.wake('eu-1-a')
      await scene.everywhere(blue)
    })

    it('after the decision: the commit goes on', async () => {
      const { green } = await scene.incompleteCommit('eu-1-b', 'us-1-a')
      await scene.world.restartControl()
      expect((await scene.world.view(green)).phase).toBe('committing')
      await scene.world.wake('eu-1-b')
      await scene.inPhase(green, 'live')
      await scene.everywhere(green)
    })
  })
}
