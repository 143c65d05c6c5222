/** Why copies do not become ready: said wherever a release waits for them or is given up, and no longer. */
import { describe, expect, it } from 'vitest'
import type { Report } from '#wire/report.ts'
import { createRelease, enrol, fleetOf, putApp } from '../fleet-of.fixture.ts'
import { releaseView } from '../view/view.ts'
import { sentenceOf } from '../words/sentence.ts'

const local = { platform: { type: 'local', program: 'shop' }, copies: 2 }
const why = 'this cluster has no program shop-9'
const troubles = [{ release: 'shop-r2', message: why }]

/** One cluster of two agents; the first release is live, the second waits for copies. */
function waitingShop(changes: object = {}) {
  const fleet = fleetOf('eu-1')
  for (const agent of ['eu-1-a', 'eu-1-b']) fleet.ask(enrol('eu-1', agent))
  fleet.ask(putApp('shop', local))
  fleet.ask(createRelease('shop'))
  /** The first agent holds the lease. */
  const settle = (said: Partial<Report> = {}, ready: Record<string, number> = {}) => {
    const readyEndpoints = { 'shop-r1': 2, ...ready }
    for (let n = 0; n < 4; n++) {
      fleet.report('eu-1', 'eu-1-a', { readyEndpoints, ...said })
      fleet.report('eu-1', 'eu-1-b', { readyEndpoints })
    }
  }
  settle()
  fleet.ask(createRelease('shop', changes))
  const view = (id = 'shop-r2') => releaseView(fleet.state(), fleet.fleet(), id, fleet.time())!
  const step = (type: 'promote-release' | 'abort-release') =>
    fleet.ask({ type, release: 'shop-r2' } as never)
  return { ...fleet, settle, view, step }
}

describe('what a platform says of a release', () => {
  it('is said where the release waits for its endpoints, with a way out, until it is over', () => {
    const { settle, view, refused } = waitingShop()
    const sees =
      'endpoints of shop-r2: eu-1/eu-1-a sees 0 of 2 ready; eu-1/eu-1-b sees 0 of 2 ready'
    settle()
    expect(view().waiting).toMatchObject({ code: 'endpoints', message: sees })
    settle({ troubles })
    const told = `${sees}; eu-1: ${why}; mend that, or abort shop-r2`
    expect(view()).toMatchObject({ phase: 'starting', waiting: { message: told } })
    const rejection = refused({ type: 'promote-release', release: 'shop-r2' })
    expect(rejection).toMatchObject({ code: 'not-ready', detail: told })
    settle()
    expect(view().waiting?.message).toBe(sees)
    settle({}, { 'shop-r2': 2 })
    expect(view().phase).toBe('ready')
  })

  it('is told beside the phase, of a live release too', () => {
    const { settle, view } = waitingShop()
    settle({ troubles: [{ release: 'shop-r1', message: 'others changed it' }, ...troubles] })
    expect(view('shop-r1')).toMatchObject({
      phase: 'live',
      waiting: null,
      troubles: ['eu-1: others changed it'],
    })
    expect(view().troubles).toEqual([`eu-1: ${why}`])
    settle()
    expect(view('shop-r1').troubles).toEqual([])
  })

  it('decides nothing: a release that has its endpoints is ready all the same', () => {
    const { settle, view } = waitingShop()
    settle({ troubles }, { 'shop-r2': 2 })
    expect(view()).toMatchObject({ phase: 'ready', waiting: { code: 'promote' } })
  })

  it('does not count of another release, or once the agent that said it is silent', () => {
    const { settle, view, report, pass } = waitingShop()
    settle({ troubles: [{ release: 'shop-r1', message: why }] })
    expect(view().waiting?.message).not.toContain(why)
    settle({ troubles })
    expect(view().waiting?.message).toContain(why)
    pass(6_001)
    report('eu-1', 'eu-1-b', { readyEndpoints: { 'shop-r1': 2 } })
    expect(view().waiting?.message).not.toContain(why)
  })

  it('is said once when the lease changes hands and both say it', () => {
    const { settle, view, report } = waitingShop()
    settle({ troubles })
    report('eu-1', 'eu-1-b', { readyEndpoints: { 'shop-r1': 2 }, troubles })
    expect(view().waiting?.message.split(why)).toHaveLength(2)
  })

  it('is kept in the log when somebody gives the release up', () => {
    const { settle, step, last } = waitingShop()
    settle({ troubles })
    step('abort-release')
    expect(last().events.map(sentenceOf).join()).toContain(`asked to abort; eu-1: ${why}`)
  })

  it.each(['abort', 'proceed'] as const)(
    'is the reason of a switch that its deadline aborts (when silent: %s)',
    (whenSilent) => {
      const { settle, step, view, pass } = waitingShop({ whenSilent, deadlineMs: 5_000 })
      settle({}, { 'shop-r2': 2 })
      step('promote-release')
      for (let n = 0; n < 6; n++) {
        settle({ positions: {}, troubles }, { 'shop-r2': 1 })
        if (n === 0) {
          expect(view()).toMatchObject({
            phase: 'preparing',
            waiting: { code: 'acks', message: expect.stringContaining(why) },
          })
        }
        pass(1_000)
      }
      expect(view().phase).toBe('aborted')
      expect(view().switch?.reason).toMatch(
        new RegExp(`^not every agent was prepared within 5000 ms: .*; eu-1: ${why}$`),
      )
    },
  )

  it('is the reason when an agent loses what it was prepared with', () => {
    const { settle, step, view, report } = waitingShop()
    settle({}, { 'shop-r2': 2 })
    step('promote-release')
    report('eu-1', 'eu-1-a', { readyEndpoints: { 'shop-r1': 2, 'shop-r2': 2 } })
    const readyEndpoints = { 'shop-r1': 2, 'shop-r2': 1 }
    report('eu-1', 'eu-1-a', { readyEndpoints, positions: {}, troubles })
    expect(view().switch?.reason).toMatch(new RegExp(`sees 1 of 2 ready; eu-1: ${why}$`))
  })

  it('is said before a rolling release stalls', () => {
    const { settle, view } = waitingShop({ strategy: 'rolling', autoPromote: true })
    settle({
      troubles,
      rolling: [{ release: 'shop-r2', updated: 0, ready: 0, old: 2, stalled: null }],
    })
    expect(view().waiting).toMatchObject({
      code: 'copies',
      message: `eu-1: 0 of 2 new copies are ready, 2 old ones remain; eu-1: ${why}`,
    })
  })

  it('is said where the way back is not ready', () => {
    const { settle, step, view } = waitingShop()
    settle({}, { 'shop-r2': 2 })
    step('promote-release')
    settle({}, { 'shop-r2': 2 })
    const gone = [{ release: 'shop-r1', message: 'shop-r1/0 ended by exit code 1' }]
    settle({ troubles: gone }, { 'shop-r1': 0, 'shop-r2': 2 })
    expect(view().rollback).toMatchObject({
      ready: false,
      reason: 'eu-1/eu-1-a sees 0 of 2 ready; eu-1: shop-r1/0 ended by exit code 1',
    })
  })

  it('stays readable however much is said', () => {
    const { settle, view } = waitingShop()
    settle({ troubles: [{ release: 'shop-r2', message: 'x'.repeat(1_024) }] })
    expect(view().waiting?.message.length).toBeLessThan(2_100)
  })
})
