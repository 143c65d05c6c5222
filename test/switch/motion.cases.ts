/** Rollback, repeated calls, decommission, and changes that need no switch. */
import { describe, expect, it } from 'vitest'
import type { ReleaseView } from '#wire/release.ts'
import type { Scene } from './scene.ts'
import { refusedOf, viewOf } from './world.ts'

export function motionCases(scene: Scene): void {
  describe('rollback', () => {
    it('needs no prepare and moves every agent under a new generation', async () => {
      const { blue, green } = await scene.blueAndGreen()
      viewOf(await scene.world.step('promote', green))
      const before = (await scene.inPhase(green, 'live')).switch!.generation
      const view = viewOf(await scene.world.step('rollback', green))
      expect(view.switch).toMatchObject({ kind: 'rollback' })
      expect(view.switch!.generation).toBeGreaterThan(before)
      await scene.inPhase(blue, 'live')
      await scene.everywhere(blue)
      expect((await scene.world.view(green)).phase).toBe('retired')
    })

    it('during an incomplete commit: the new generation wins everywhere', async () => {
      const { blue, green } = await scene.incompleteCommit('eu-1-b', 'us-1-a')
      viewOf(await scene.world.step('rollback', green))
      expect((await scene.world.view(blue)).phase).toBe('committing')
      await scene.world.wake('eu-1-b')
      await scene.inPhase(blue, 'live')
      await scene.everywhere(blue)
    })

    it('names laggards, and they follow when they are back', async () => {
      const { blue, green } = await scene.blueAndGreen({ version: '2', deadlineMs: 1_000 })
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      await scene.world.silence('us-1-b')
      viewOf(await scene.world.step('rollback', green))
      await scene.world.until(blue, (view) => view.status === 'committed, incomplete: us-1')
      const live = await scene.inPhase(blue, 'live')
      expect(live.status).toBe('live except us-1/us-1-b')
      expect((await scene.world.view(green)).ledger.mayDecommission).toBe(false)
      await scene.world.wake('us-1-b')
      await scene.world.until(blue, (view) => view.status === 'live')
      await scene.everywhere(blue)
    })

    it('is refused when nothing was live before, or that is decommissioned', async () => {
      const { blue, green } = await scene.blueAndGreen()
      expect(refusedOf(await scene.world.step('rollback', blue)).code).toBe('no-rollback-target')
      expect(refusedOf(await scene.world.step('rollback', green)).code).toBe('phase-conflict')
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      viewOf(await scene.world.step('decommission', blue))
      await scene.inPhase(blue, 'decommissioned')
      expect((await scene.world.view(green)).rollback).toMatchObject({ ready: false, to: null })
      expect(refusedOf(await scene.world.step('rollback', green)).code).toBe('no-rollback-target')
    })

    it('of a rollback is a new switch like any other', async () => {
      const { blue, green } = await scene.blueAndGreen()
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      viewOf(await scene.world.step('rollback', green))
      await scene.inPhase(blue, 'live')
      expect(viewOf(await scene.world.step('promote', green)).switch).toMatchObject({
        kind: 'promote',
      })
      await scene.inPhase(green, 'live')
      await scene.everywhere(green)
      expect((await scene.world.view(blue)).phase).toBe('retired')
    })

    it('while the next release is being prepared: that one stands back', async () => {
      const { blue, green } = await scene.blueAndGreen()
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      const third = viewOf(await scene.world.create({ version: '3' })).id
      await scene.inPhase(third, 'ready')
      await scene.world.silence('eu-1-a')
      viewOf(await scene.world.step('promote', third))
      viewOf(await scene.world.step('rollback', green))
      await scene.world.wake('eu-1-a')
      await scene.inPhase(blue, 'live')
      await scene.everywhere(blue)
      expect(await scene.world.view(third)).toMatchObject({
        phase: 'ready',
        switch: { state: 'aborted', reason: `${green} was rolled back` },
      })
    })
  })

  describe('a candidate that promotes itself', () => {
    it('waits until a rollback that is under way has come to its end', async () => {
      const { blue, green } = await scene.blueAndGreen()
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      await scene.world.silence('us-1-b')
      const third = viewOf(await scene.world.create({ version: '3', autoPromote: true })).id
      viewOf(await scene.world.step('rollback', green))
      const ready = await scene.inPhase(third, 'ready')
      expect(ready.waiting).toMatchObject({ code: 'active' })
      expect((await scene.world.view(blue)).phase).toBe('committing')
      await scene.world.wake('us-1-b')
      await scene.inPhase(third, 'live')
      await scene.everywhere(third)
      expect((await scene.world.view(third)).rollback).toMatchObject({ to: blue })
    })
  })

  describe('promote pressed twice', () => {
    it('with If-Match on the state that was read: 412', async () => {
      const { green } = await scene.blueAndGreen()
      const { etag } = await scene.world.view(green)
      viewOf(await scene.world.step('promote', green, { ifMatch: etag }))
      const refused = refusedOf(await scene.world.step('promote', green, { ifMatch: etag }))
      expect(refused.code).toBe('state-changed')
      await scene.inPhase(green, 'live')
    })

    it('with the same Idempotency-Key: the recorded answer', async () => {
      const { green } = await scene.blueAndGreen()
      const first = viewOf(await scene.world.step('promote', green, { idempotencyKey: 'once' }))
      await scene.inPhase(green, 'live')
      const again = await scene.world.step('promote', green, { idempotencyKey: 'once' })
      expect(again).toEqual({ view: first, repeated: true })
      expect((await scene.world.view(green)).switch?.generation).toBe(first.switch?.generation)
      const other = refusedOf(await scene.world.step('rollback', green, { idempotencyKey: 'once' }))
      expect(other.code).toBe('idempotency-key-reused')
    })

    it('with neither: 409', async () => {
      const { green } = await scene.blueAndGreen()
      viewOf(await scene.world.step('promote', green))
      expect(refusedOf(await scene.world.step('promote', green)).code).toBe('phase-conflict')
      await scene.inPhase(green, 'live')
    })
  })

  describe('decommission', () => {
    it('is refused for what is public', async () => {
      const { blue } = await scene.blueAndGreen()
      expect(refusedOf(await scene.world.step('decommission', blue)).code).toBe('is-live')
    })

    it('is refused while in use, with the ledger, and works when nothing is', async () => {
      const { blue, green } = await scene.blueAndGreen()
      const exchange = await scene.world.open('us-1-b')
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      await scene.world.until(blue, (view) => view.ledger.inUse === 1 && view.ledger.acknowledged)
      const refused = refusedOf(await scene.world.step('decommission', blue))
      expect(refused.code).toBe('in-use')
      expect(refused.evidence).toMatchObject({
        inUse: 1,
        ledger: [{ cluster: 'us-1', agent: 'us-1-b', inUse: 1 }],
      })
      await exchange.close()
      await scene.world.until(blue, (view) => view.ledger.mayDecommission)
      viewOf(await scene.world.step('decommission', blue))
      await scene.inPhase(blue, 'decommissioned')
      expect(refusedOf(await scene.world.step('decommission', blue)).code).toBe('phase-conflict')
    })

    it('waits for every agent to have acknowledged, and an agent that is silent is not gone', async () => {
      const { blue, green } = await scene.incompleteCommit('eu-1-b', 'us-1-a')
      expect(refusedOf(await scene.world.step('decommission', blue)).code).toBe('is-live')
      await scene.world.forget('eu-1-b')
      await scene.inPhase(green, 'live')
      viewOf(await scene.world.step('decommission', blue))
      await scene.inPhase(blue, 'decommissioned')
    })

    it('is helped by a drain deadline: then agents close what is open', async () => {
      expect(await scene.world.put({ drainDeadlineMs: 1_000 })).toBeNull()
      const { blue, green } = await scene.blueAndGreen()
      const exchange = await scene.world.open('eu-1-a')
      viewOf(await scene.world.step('promote', green))
      await scene.inPhase(green, 'live')
      expect(await scene.world.closing('eu-1-a')).toEqual([])
      for (let n = 0; n < 40; n++) {
        if ((await scene.world.closing('eu-1-a')).includes(blue)) break
      }
      expect(await scene.world.closing('eu-1-a')).toEqual([blue])
      expect(await scene.world.closing('us-1-a')).toEqual([blue])
      await exchange.close()
      await scene.world.until(blue, (view) => view.ledger.mayDecommission)
    })
  })

  describe('an ordinary change', () => {
    it('is announced and acknowledged without the barrier', async () => {
      const { blue } = await scene.blueAndGreen()
      await scene.world.silence('us-1-b')
      expect(await scene.world.put({ hosts: ['shop.example', 'www.shop.example'] })).toBeNull()
      const revisionOf = (view: ReleaseView, agent: string) =>
        view.agents.find((one) => one.agent === agent)?.revision ?? 0
      const view = await scene.world.until(
        blue,
        (seen) => revisionOf(seen, 'us-1-a') > revisionOf(seen, 'us-1-b'),
      )
      expect(view.phase).toBe('live')
    })
  })
}
