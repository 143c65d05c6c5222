/** In Kubernetes the agents of every cluster are called alike: what is said of one names its cluster too. */
import { expect, it } from 'vitest'
import { createRelease, enrol, fleetOf, putApp } from '../fleet-of.fixture.ts'
import { releaseView } from '../view/view.ts'
import { sentenceOf } from '../words/sentence.ts'

const clusters = ['eu-1', 'us-1']
const agent = 'switchyard-agent-0'

/** The second release waits; the first is live in both clusters. */
function twoClusters(changes: object) {
  const fleet = fleetOf(...clusters)
  for (const cluster of clusters) fleet.ask(enrol(cluster, agent))
  fleet.ask(putApp('shop', { clusters }))
  fleet.ask(createRelease('shop'))
  const settle = (ready: Readonly<Record<string, number>>, heard = clusters) => {
    const readyEndpoints = { 'shop-r1': 1, ...ready }
    for (let n = 0; n < 4; n++) {
      for (const cluster of heard) fleet.report(cluster, agent, { readyEndpoints })
    }
  }
  settle({})
  fleet.ask(createRelease('shop', changes))
  const view = (id = 'shop-r2') => releaseView(fleet.state(), fleet.fleet(), id, fleet.time())!
  const promote = { type: 'promote-release', release: 'shop-r2' } as const
  return { ...fleet, settle, view, promote }
}

it('while it waits for endpoints, and when it may not be promoted', () => {
  const { settle, view, refused, promote, report } = twoClusters({})
  settle({})
  const both =
    'endpoints of shop-r2: eu-1/switchyard-agent-0 sees 0 of 1 ready; us-1/switchyard-agent-0 sees 0 of 1 ready'
  expect(view().waiting?.message).toBe(both)
  expect(refused(promote)).toMatchObject({ code: 'not-ready', detail: both })
  report('eu-1', agent, { readyEndpoints: { 'shop-r1': 1, 'shop-r2': 1 } })
  expect(view().waiting?.message).toBe(
    'endpoints of shop-r2: us-1/switchyard-agent-0 sees 0 of 1 ready',
  )
})

it('while a switch waits, goes on without one, and is caught up with', () => {
  const { view, ask, refused, promote, pass, report } = twoClusters({
    whenSilent: 'proceed',
    deadlineMs: 5_000,
  })
  const other = 'switchyard-agent-1'
  for (const cluster of clusters) ask(enrol(cluster, other))
  const said: string[] = []
  const settle = (...heard: readonly (readonly [string, string])[]) => {
    const readyEndpoints = { 'shop-r1': 1, 'shop-r2': 1 }
    for (let n = 0; n < 4; n++) {
      for (const [cluster, name] of heard) {
        const decision = report(cluster, name, { readyEndpoints })
        if (decision.kind === 'record') said.push(...decision.record.events.map(sentenceOf))
      }
    }
  }
  const heard = [['eu-1', agent] as const, ['eu-1', other] as const, ['us-1', other] as const]
  const silent = ['us-1', agent] as const
  settle(...heard, silent)
  ask(promote)
  settle(...heard)
  expect(view().waiting?.message).toBe('us-1/switchyard-agent-0 is not prepared yet')
  for (let n = 0; n < 8; n++) {
    pass(1_000)
    settle(...heard)
  }
  expect(view().status).toBe('live except us-1/switchyard-agent-0')
  expect(view().waiting?.message).toMatch(/^us-1\/switchyard-agent-0 is silent and has not/)
  expect(view('shop-r1').status).toBe(
    'retired, traffic not proven gone from us-1/switchyard-agent-0',
  )
  expect(refused({ type: 'decommission-release', release: 'shop-r1' })?.detail).toBe(
    'Not every agent has shown that traffic has left shop-r1: us-1/switchyard-agent-0.',
  )
  settle(silent)
  expect(view().status).toBe('live')
  expect(said.at(-1)).toMatch(/^Agent us-1\/switchyard-agent-0 has caught up with/)
})
