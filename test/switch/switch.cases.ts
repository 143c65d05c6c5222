/**
 * The switch, case by case: every row of the design's table is one named case or a few, told in words that
 * any world can act out.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ReleaseView } from '#wire/release.ts'
import { agents, refusedOf, type SwitchWorld, viewOf } from './world.ts'

export function switchCases(name: string, make: () => Promise<SwitchWorld>): void {
  describe(`the switch, ${name}`, () => {
    let world: SwitchWorld
    beforeEach(async () => {
      world = await make()
    })
    afterEach(() => world.end())

    const inPhase = (id: string, phase: ReleaseView['phase']) =>
      world.until(id, (view) => view.phase === phase)
    const stateOf = (view: ReleaseView, agent: string) =>
      view.agents.find((one) => one.agent === agent)?.state
    const everywhere = async (release: string | null, among: readonly string[] = agents) => {
      for (const agent of among)
        expect([agent, await world.publicAt(agent)]).toEqual([agent, release])
    }
    /** Blue is live everywhere, green is ready beside it. */
    async function blueAndGreen(intent: Parameters<SwitchWorld['create']>[0] = { version: '2' }) {
      const blue = viewOf(await world.create({ version: '1' })).id
      await inPhase(blue, 'live')
      const green = viewOf(await world.create(intent)).id
      await inPhase(green, 'ready')
      return { blue, green }
    }
    /** Green's commit is decided and `lost` does not hear of it. */
    async function incompleteCommit(lost: string, helper: string) {
      const releases = await blueAndGreen()
      await world.silence(helper)
      viewOf(await world.step('promote', releases.green))
      await world.until(releases.green, (view) => stateOf(view, lost) === 'prepared')
      await world.silence(lost)
      await world.wake(helper)
      await world.until(releases.green, (view) => stateOf(view, helper) === 'active')
      return releases
    }

    describe('in general', () => {
      it('promotes the first release by itself, and later ones only when asked', async () => {
        const { blue, green } = await blueAndGreen()
        await everywhere(blue)
        expect((await world.view(green)).waiting).toMatchObject({ code: 'promote' })
        viewOf(await world.step('promote', green))
        const live = await inPhase(green, 'live')
        await everywhere(green)
        expect(live).toMatchObject({
          status: 'live',
          waiting: null,
          switch: { state: 'completed' },
        })
        expect(live.switch?.required).toHaveLength(4)
        expect((await world.view(blue)).phase).toBe('retired')
      })

      it('is proven: every agent is active at the generation of the switch, with times and skew', async () => {
        const { green } = await blueAndGreen()
        viewOf(await world.step('promote', green))
        const { switch: done, agents: shown } = await inPhase(green, 'live')
        for (const agent of shown) {
          expect(agent).toMatchObject({ state: 'active', activeGeneration: done?.generation })
          expect(agent.appliedMs).not.toBeNull()
        }
        expect(done?.skewMs).toBeGreaterThanOrEqual(0)
        expect(done?.skewErrorMs).toBeGreaterThanOrEqual(0)
      })

      it('does not promote what is not ready, and says what is missing', async () => {
        await world.silence('us-1-b')
        const { id } = viewOf(await world.create({ version: '1' }))
        const refused = refusedOf(await world.step('promote', id))
        expect(refused).toMatchObject({ code: 'not-ready', evidence: { release: id } })
        expect(refused.detail).toContain('us-1-b')
      })

      it('gives up a candidate that is aborted, and its copies stop by themselves', async () => {
        const { blue, green } = await blueAndGreen()
        expect(viewOf(await world.step('abort', green)).phase).toBe('aborted')
        await world.until(green, (view) => view.phase === 'aborted' && view.status === 'aborted')
        await everywhere(blue)
        expect(refusedOf(await world.step('promote', green)).code).toBe('phase-conflict')
      })
    })

    describe('a second release of an app while one is active', () => {
      it('is refused in every phase before live, naming the first', async () => {
        const { green } = await blueAndGreen()
        const refused = refusedOf(await world.create({ version: '3' }))
        expect(refused).toMatchObject({
          code: 'release-in-progress',
          evidence: { release: green, phase: 'ready' },
        })
        await world.silence('eu-1-a')
        viewOf(await world.step('promote', green))
        expect(refusedOf(await world.create({ version: '3' })).evidence).toMatchObject({
          release: green,
          phase: 'preparing',
        })
        await world.wake('eu-1-a')
        await inPhase(green, 'live')
      })

      it('may start once the first is live, which stays open for rollback meanwhile', async () => {
        const { blue, green } = await blueAndGreen()
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
        const third = viewOf(await world.create({ version: '3' })).id
        await inPhase(third, 'ready')
        expect((await world.view(green)).rollback).toMatchObject({ ready: true, to: blue })
        viewOf(await world.step('rollback', green))
        await inPhase(blue, 'live')
        await everywhere(blue)
        expect((await world.view(third)).phase).toBe('ready')
      })
    })

    describe("an app's change during a release", () => {
      it('is allowed for its routes', async () => {
        const { blue, green } = await blueAndGreen()
        expect(await world.put({ hosts: ['shop.example', 'www.shop.example'] })).toBeNull()
        await everywhere(blue)
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
      })

      it('is refused for its clusters, platform and copies', async () => {
        const { green } = await blueAndGreen()
        for (const [pointer, changes] of [
          ['/clusters', { clusters: ['eu-1'] }],
          ['/platform', { platform: { type: 'local', program: 'other' } }],
          ['/copies', { copies: 2 }],
        ] as const) {
          const refused = await world.put(changes as never)
          expect([pointer, refused?.code]).toEqual([pointer, 'app-in-release'])
          expect(refused?.evidence).toMatchObject({ release: green })
        }
      })

      it('is refused when it is a DELETE', async () => {
        await blueAndGreen()
        expect((await world.deleteApp())?.code).toBe('app-in-release')
      })
    })

    describe('an agent that joins during a release', () => {
      it('adopts the committed position, and the switch does not wait for it', async () => {
        const { blue, green } = await blueAndGreen()
        await world.silence('us-1-a')
        viewOf(await world.step('promote', green))
        const late = await world.join('us-1')
        await everywhere(blue, [late])
        await world.wake('us-1-a')
        const live = await inPhase(green, 'live')
        expect(live.switch?.required.map((one) => one.agent)).not.toContain(late)
        await world.until(green, (view) => stateOf(view, late) === 'active')
        await everywhere(green, [...agents, late])
      })
    })

    describe('an agent that refuses before the decision', () => {
      it('aborts the switch everywhere, with the reason, and nothing has moved', async () => {
        const { blue, green } = await blueAndGreen()
        await world.silence('eu-1-a')
        viewOf(await world.step('promote', green))
        await world.until(green, (view) => stateOf(view, 'us-1-b') === 'prepared')
        await world.setCopies(green, 'us-1-b', false)
        const aborted = await inPhase(green, 'aborted')
        expect(aborted.switch).toMatchObject({ state: 'aborted', decidedAtMs: null })
        expect(aborted.switch?.reason).toMatch(/us-1-[ab] was prepared and is not any more/)
        await world.wake('eu-1-a')
        await everywhere(blue)
        expect((await world.view(blue)).phase).toBe('live')
      })

      it('leaves a release that was live before retired, ready to be tried again', async () => {
        const { blue, green } = await blueAndGreen()
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
        await world.silence('eu-1-a')
        viewOf(await world.step('promote', blue))
        viewOf(await world.step('abort', blue))
        expect((await world.view(blue)).phase).toBe('retired')
        await world.wake('eu-1-a')
        await everywhere(green)
        viewOf(await world.step('promote', blue))
        await inPhase(blue, 'live')
      })
    })

    describe('an agent that is silent before the decision', () => {
      it('whenSilent abort: the switch aborts at its deadline and names it', async () => {
        const { blue, green } = await blueAndGreen({ version: '2', deadlineMs: 1_000 })
        await world.silence('us-1-b')
        expect(viewOf(await world.step('promote', green)).phase).toBe('preparing')
        expect((await world.view(green)).waiting).toMatchObject({ code: 'acks' })
        const aborted = await inPhase(green, 'aborted')
        expect(aborted.switch?.reason).toContain('us-1-b is silent')
        expect(stateOf(aborted, 'us-1-b')).toBe('silent')
        await world.wake('us-1-b')
        await everywhere(blue)
      })

      it('whenSilent proceed: live except it, until it is back', async () => {
        const { blue, green } = await blueAndGreen({
          version: '2',
          deadlineMs: 1_000,
          whenSilent: 'proceed',
        })
        await world.silence('us-1-b')
        viewOf(await world.step('promote', green))
        const live = await inPhase(green, 'live')
        expect(live.status).toBe('live except us-1-b')
        expect(live.switch?.except).toEqual([{ cluster: 'us-1', agent: 'us-1-b' }])
        expect(live.waiting?.message).toContain('us-1-b')
        await everywhere(green, ['eu-1-a', 'eu-1-b', 'us-1-a'])
        const refused = refusedOf(await world.step('decommission', blue))
        expect(refused.code).toBe('not-acknowledged')
        expect(JSON.stringify(refused.evidence)).toContain('us-1-b')
        await world.wake('us-1-b')
        const whole = await world.until(green, (view) => view.status === 'live')
        expect(whole.switch?.except).toEqual([])
        await everywhere(green)
        viewOf(await world.step('decommission', blue))
        await inPhase(blue, 'decommissioned')
      })

      it('whenSilent proceed needs an ack from each cluster', async () => {
        const { blue, green } = await blueAndGreen({
          version: '2',
          deadlineMs: 1_000,
          whenSilent: 'proceed',
        })
        await world.silence('us-1-a')
        await world.silence('us-1-b')
        viewOf(await world.step('promote', green))
        const aborted = await inPhase(green, 'aborted')
        expect(aborted.switch?.reason).toContain('us-1-a is silent')
        await everywhere(blue)
      })

      it('does not count as prepared because it was for an earlier switch', async () => {
        const { blue, green } = await blueAndGreen()
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
        await world.silence('eu-1-a')
        viewOf(await world.step('promote', blue))
        const others = agents.filter((agent) => agent !== 'eu-1-a')
        await world.until(blue, (view) => others.every((one) => stateOf(view, one) === 'prepared'))
        for (const agent of others) await world.silence(agent)
        viewOf(await world.step('abort', blue))
        viewOf(await world.step('promote', blue))
        await world.wake('eu-1-a')
        await world.until(blue, (view) => stateOf(view, 'eu-1-a') === 'prepared')
        expect((await world.view(blue)).phase).toBe('preparing')
        for (const agent of others) await world.wake(agent)
        await inPhase(blue, 'live')
      })

      it('is not waited for any more once it is forgotten', async () => {
        const { green } = await blueAndGreen()
        await world.silence('us-1-b')
        viewOf(await world.step('promote', green))
        await world.forget('us-1-b')
        const live = await inPhase(green, 'live')
        expect(stateOf(live, 'us-1-b')).toBe('absent')
        expect(live.status).toBe('live')
      })
    })

    describe('anything that fails after the decision', () => {
      it('goes only forward: committed, incomplete, until the agent is back', async () => {
        const { green } = await incompleteCommit('eu-1-b', 'us-1-a')
        const view = await world.view(green)
        expect(view).toMatchObject({ phase: 'committing', waiting: { code: 'active' } })
        expect(view.status).toBe('committed, incomplete: eu-1')
        expect(view.waiting?.message).toContain('eu-1-b')
        expect(refusedOf(await world.step('abort', green)).code).toBe('phase-conflict')
        await world.wake('eu-1-b')
        await inPhase(green, 'live')
        await everywhere(green)
      })

      it('goes on without endpoints too', async () => {
        const { green } = await incompleteCommit('eu-1-b', 'us-1-a')
        await world.setCopies(green, 'eu-1-b', false)
        await world.wake('eu-1-b')
        await inPhase(green, 'live')
        await world.setCopies(green, 'eu-1-b', true)
      })
    })

    describe('control that dies between two steps', () => {
      it('before the decision: the switch is still being prepared, and comes to its end', async () => {
        const { green } = await blueAndGreen()
        await world.silence('eu-1-a')
        viewOf(await world.step('promote', green))
        await world.restartControl()
        expect((await world.view(green)).phase).toBe('preparing')
        await world.wake('eu-1-a')
        await inPhase(green, 'live')
        await everywhere(green)
      })

      it('before the decision: it still aborts at its deadline', async () => {
        const { blue, green } = await blueAndGreen({ version: '2', deadlineMs: 1_000 })
        await world.silence('eu-1-a')
        viewOf(await world.step('promote', green))
        await world.restartControl()
        await inPhase(green, 'aborted')
        await world.wake('eu-1-a')
        await everywhere(blue)
      })

      it('after the decision: the commit goes on', async () => {
        const { green } = await incompleteCommit('eu-1-b', 'us-1-a')
        await world.restartControl()
        expect((await world.view(green)).phase).toBe('committing')
        await world.wake('eu-1-b')
        await inPhase(green, 'live')
        await everywhere(green)
      })
    })

    describe('rollback', () => {
      it('needs no prepare and moves every agent under a new generation', async () => {
        const { blue, green } = await blueAndGreen()
        viewOf(await world.step('promote', green))
        const before = (await inPhase(green, 'live')).switch!.generation
        const view = viewOf(await world.step('rollback', green))
        expect(view.switch).toMatchObject({ kind: 'rollback' })
        expect(view.switch!.generation).toBeGreaterThan(before)
        await inPhase(blue, 'live')
        await everywhere(blue)
        expect((await world.view(green)).phase).toBe('retired')
      })

      it('during an incomplete commit: the new generation wins everywhere', async () => {
        const { blue, green } = await incompleteCommit('eu-1-b', 'us-1-a')
        viewOf(await world.step('rollback', green))
        expect((await world.view(blue)).phase).toBe('committing')
        await world.wake('eu-1-b')
        await inPhase(blue, 'live')
        await everywhere(blue)
      })

      it('names laggards, and they follow when they are back', async () => {
        const { blue, green } = await blueAndGreen({ version: '2', deadlineMs: 1_000 })
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
        await world.silence('us-1-b')
        viewOf(await world.step('rollback', green))
        await world.until(blue, (view) => view.status === 'committed, incomplete: us-1')
        const live = await inPhase(blue, 'live')
        expect(live.status).toBe('live except us-1-b')
        expect((await world.view(green)).ledger.mayDecommission).toBe(false)
        await world.wake('us-1-b')
        await world.until(blue, (view) => view.status === 'live')
        await everywhere(blue)
      })

      it('is refused when nothing was live before, or that is decommissioned', async () => {
        const { blue, green } = await blueAndGreen()
        expect(refusedOf(await world.step('rollback', blue)).code).toBe('no-rollback-target')
        expect(refusedOf(await world.step('rollback', green)).code).toBe('phase-conflict')
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
        viewOf(await world.step('decommission', blue))
        await inPhase(blue, 'decommissioned')
        expect((await world.view(green)).rollback).toMatchObject({ ready: false, to: null })
        expect(refusedOf(await world.step('rollback', green)).code).toBe('no-rollback-target')
      })

      it('of a rollback is a new switch like any other', async () => {
        const { blue, green } = await blueAndGreen()
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
        viewOf(await world.step('rollback', green))
        await inPhase(blue, 'live')
        expect(viewOf(await world.step('promote', green)).switch).toMatchObject({ kind: 'promote' })
        await inPhase(green, 'live')
        await everywhere(green)
        expect((await world.view(blue)).phase).toBe('retired')
      })

      it('while the next release is being prepared: that one stands back', async () => {
        const { blue, green } = await blueAndGreen()
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
        const third = viewOf(await world.create({ version: '3' })).id
        await inPhase(third, 'ready')
        await world.silence('eu-1-a')
        viewOf(await world.step('promote', third))
        viewOf(await world.step('rollback', green))
        await world.wake('eu-1-a')
        await inPhase(blue, 'live')
        await everywhere(blue)
        expect(await world.view(third)).toMatchObject({
          phase: 'ready',
          switch: { state: 'aborted', reason: `${green} was rolled back` },
        })
      })
    })

    describe('promote pressed twice', () => {
      it('with If-Match on the state that was read: 412', async () => {
        const { green } = await blueAndGreen()
        const { etag } = await world.view(green)
        viewOf(await world.step('promote', green, { ifMatch: etag }))
        const refused = refusedOf(await world.step('promote', green, { ifMatch: etag }))
        expect(refused.code).toBe('state-changed')
        await inPhase(green, 'live')
      })

      it('with the same Idempotency-Key: the recorded answer', async () => {
        const { green } = await blueAndGreen()
        const first = viewOf(await world.step('promote', green, { idempotencyKey: 'once' }))
        await inPhase(green, 'live')
        const again = await world.step('promote', green, { idempotencyKey: 'once' })
        expect(again).toEqual({ view: first, repeated: true })
        expect((await world.view(green)).switch?.generation).toBe(first.switch?.generation)
        const other = refusedOf(await world.step('rollback', green, { idempotencyKey: 'once' }))
        expect(other.code).toBe('idempotency-key-reused')
      })

      it('with neither: 409', async () => {
        const { green } = await blueAndGreen()
        viewOf(await world.step('promote', green))
        expect(refusedOf(await world.step('promote', green)).code).toBe('phase-conflict')
        await inPhase(green, 'live')
      })
    })

    describe('decommission', () => {
      it('is refused for what is public', async () => {
        const { blue } = await blueAndGreen()
        expect(refusedOf(await world.step('decommission', blue)).code).toBe('is-live')
      })

      it('is refused while in use, with the ledger, and works when nothing is', async () => {
        const { blue, green } = await blueAndGreen()
        const exchange = await world.open('us-1-b')
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
        await world.until(blue, (view) => view.ledger.inUse === 1 && view.ledger.acknowledged)
        const refused = refusedOf(await world.step('decommission', blue))
        expect(refused.code).toBe('in-use')
        expect(refused.evidence).toMatchObject({
          inUse: 1,
          ledger: [{ cluster: 'us-1', agent: 'us-1-b', inUse: 1 }],
        })
        await exchange.close()
        await world.until(blue, (view) => view.ledger.mayDecommission)
        viewOf(await world.step('decommission', blue))
        await inPhase(blue, 'decommissioned')
        expect(refusedOf(await world.step('decommission', blue)).code).toBe('phase-conflict')
      })

      it('waits for every agent to have acknowledged, and an agent that is silent is not gone', async () => {
        const { blue, green } = await incompleteCommit('eu-1-b', 'us-1-a')
        expect(refusedOf(await world.step('decommission', blue)).code).toBe('is-live')
        await world.forget('eu-1-b')
        await inPhase(green, 'live')
        viewOf(await world.step('decommission', blue))
        await inPhase(blue, 'decommissioned')
      })

      it('is helped by a drain deadline: then agents close what is open', async () => {
        expect(await world.put({ drainDeadlineMs: 1_000 })).toBeNull()
        const { blue, green } = await blueAndGreen()
        const exchange = await world.open('eu-1-a')
        viewOf(await world.step('promote', green))
        await inPhase(green, 'live')
        expect(await world.closing('eu-1-a')).toEqual([])
        for (let n = 0; n < 40; n++) {
          if ((await world.closing('eu-1-a')).includes(blue)) break
        }
        expect(await world.closing('eu-1-a')).toEqual([blue])
        expect(await world.closing('us-1-a')).toEqual([blue])
        await exchange.close()
        await world.until(blue, (view) => view.ledger.mayDecommission)
      })
    })

    describe('an ordinary change', () => {
      it('is announced and acknowledged without the barrier', async () => {
        const { blue } = await blueAndGreen()
        await world.silence('us-1-b')
        expect(await world.put({ hosts: ['shop.example', 'www.shop.example'] })).toBeNull()
        const revisionOf = (view: ReleaseView, agent: string) =>
          view.agents.find((one) => one.agent === agent)?.revision ?? 0
        const view = await world.until(
          blue,
          (seen) => revisionOf(seen, 'us-1-a') > revisionOf(seen, 'us-1-b'),
        )
        expect(view.phase).toBe('live')
      })
    })
  })
}
