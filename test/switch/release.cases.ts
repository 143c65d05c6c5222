/** Releases beside each other, and what may change meanwhile. */
import { describe, expect, it } from 'vitest'
import type { Scene } from './scene.ts'
import { agents, refusedOf, viewOf } from './world.ts'

export function releaseCases(scene: Scene): void {
  describe('in general', () => {
    it('promotes the first release by itself, and later ones only when asked', async () => {
      const { blue, green } = await scene.blueAndGreen()
      await scene.everywhere(blue)
      expect((await scene.world.view(green)).waiting).toMatchObject({ code: 'promote' })
      viewOf(await scene.world.step('promote', green))
      const live = await scene.inPhase(green, 'live')
      await scene.everywhere(green)
      expect(live).toMatchObject({
        status: 'live',
        waiting: null,
        switch: { state: 'completed' },
      })
      expect(live.switch?.required).toHaveLength(4)
      expect((await scene.world.view(blue)).phase).toBe('retired')
    })

    it('is proven: every agent is active at the generation of the switch, with times and skew', async () => {
      const { green } = await scene.blueAndGreen()
      viewOf(await scene.world.step('promote', green))
      const { switch: done, agents: shown } = await scene.inPhase(green, 'live')
      for (const agent of shown) {
        expect(agent).toMatchObject({ state: 'active', activeGeneration: done?.generation })
        expect(agent.appliedMs).not.toBeNull()
      }
      expect(done?.skewMs).toBeGreaterThanOrEqual(0)
      expect(done?.skewErrorMs).toBeGreaterThanOrEqual(0)
    })

    it('does not promote what is not ready, and says what is missing', async () => {
      await scene.world.silence('us-1-b')
      const { id } = viewOf(await scene.world.create({ version: '1' }))
      const refused = refusedOf(await scene.world.step('promote', id))
      expect(refused).toMatchObject({ code: 'not-ready', evidence: { release: id } })
      expect(refused.detail).toContain('us-1/us-1-b')
    })

    it('gives up a candidate that is aborted, and its copies stop by themselves', async () => {
      const { blue, green } = await scene.blueAndGreen()
      expect(viewOf(await scene.world.step('abort', green)).phase).toBe('aborted')
      await scene.world.until(
        green,
        (view) => view.phase === 'aborted' && view.status === 'aborted',
      )
      await scene.everywhere(blue)
      expect(refusedOf(await scene.world.step('promote', green)).code).toBe('phase-conflict')
    })
  })

  describe('a second release of an app while one is active', () => {
    it('is refused in every phase before live, naming the first', async () => {
      const { green } = await scene.blueAndGreen()
      const refused = refusedOf(await scene.world.create({ version: '3' }))
      expect(refused).toMatchObject({
        code: 'release-in-progress',
        evidence: { release: green, phase: 'ready' },
      })
      await scene.world.silence('eu-1-a')
      viewOf(await scene.world.step('promote', green))
      expect(refusedOf(await scene.world.create({ version: '3' })).evidence).toMatchObject({
        release: green,
        phase: 'preparing',
      })
      await scene.world.wake('eu-1-a')
      await scene.inPhase(green, 'live')
    })

    it('may start once the first is live, which stays open for rollback meanwhile', async () => {
      const { blue, green } = await scene.blueAndGreen()
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      const third = viewOf(await scene.world.create({ version: '3' })).id
      await scene.inPhase(third, 'ready')
      expect((await scene.world.view(green)).rollback).toMatchObject({ ready: true, to: blue })
      viewOf(await scene.world.step('rollback', green))
      await scene.inPhase(blue, 'live')
      await scene.everywhere(blue)
      expect((await scene.world.view(third)).phase).toBe('ready')
    })
  })

  describe("an app's change during a release", () => {
    it('is allowed for its routes', async () => {
      const { blue, green } = await scene.blueAndGreen()
      expect(await scene.world.put({ hosts: ['shop.example', 'www.shop.example'] })).toBeNull()
      await scene.everywhere(blue)
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
    })

    it('is refused for its clusters, platform and copies', async () => {
      const { green } = await scene.blueAndGreen()
      for (const [pointer, changes] of [
        ['/clusters', { clusters: ['eu-1'] }],
        ['/platform', { platform: { type: 'local', program: 'other' } }],
        ['/copies', { copies: 2 }],
      ] as const) {
        const refused = await scene.world.put(changes as never)
        expect([pointer, refused?.code]).toEqual([pointer, 'app-in-release'])
        expect(refused?.evidence).toMatchObject({ release: green })
      }
    })

    it('is refused when it is a DELETE', async () => {
      await scene.blueAndGreen()
      expect((await scene.world.deleteApp())?.code).toBe('app-in-release')
    })
  })

  describe('an agent that joins during a release', () => {
    it('adopts the committed position, and the switch does not wait for it', async () => {
      const { blue, green } = await scene.blueAndGreen()
      await scene.world.silence('us-1-a')
      viewOf(await scene.world.step('promote', green))
      const late = await scene.world.join('us-1')
      await scene.everywhere(blue, [late])
      await scene.world.wake('us-1-a')
      const live = await scene.inPhase(green, 'live')
      expect(live.switch?.required.map((one) => one.agent)).not.toContain(late)
      await scene.world.until(green, (view) => scene.stateOf(view, late) === 'active')
      await scene.everywhere(green, [...agents, late])
    })
  })
}
