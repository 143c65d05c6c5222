/**
 * From a change of an EndpointSlice or a Pod to every worker that has it, through a real API server and a real pilot
 * process, to real worker processes that say that they have it: the delay of single changes, 200 changes a
 * second, and what the agent's memory grows by; it fails when a change is lost. Without `KUBECONFIG` a control plane
 * of our own is started.
 *
 *   npm run bench:endpoints [-- --changes 500]
 */
import { parseArgs } from 'node:util'
import { createKubernetesClient } from '../agent/platform/kubernetes/api/client.ts'
import type { Changes } from './endpoints/changes.ts'
import { openCluster } from './endpoints/cluster.ts'
import { changeOne, type Delays, noDelays } from './endpoints/delays.ts'
import { type MeasuredPilot, type Memory, startPilot } from './endpoints/pilot.ts'
import { createPods } from './endpoints/pods.ts'
import { createSlices } from './endpoints/slices.ts'
import { goAhead } from './load/go-ahead.ts'

const { values } = parseArgs({ options: { changes: { type: 'string', default: '500' } } })
const changes = Number(values.changes)
const workerCount = 2
const releases = 500
const perSecond = 200
const burstSeconds = 10
let lostInAll = 0

/** Elsewhere the API server has machines of its own. */
const isAhead = goAhead(-10)
const cluster = await openCluster()
const client = await createKubernetesClient(cluster.kubeconfig)
const pods = await createPods(client, releases)
const slices = await createSlices(client, releases)
try {
  console.log(
    `${releases} releases, each with a Service, its slices, and one written by hand; ${workerCount} workers`,
  )
  console.log(
    isAhead
      ? 'the agent goes before the API server on this machine (autogroup nice -10)'
      : 'the agent and the API server share this machine as equals',
  )
  if (!cluster.pod)
    console.log('not as in a pod: by the kubeconfig, with the library for it loaded')
  const bare = await startPilot({ platform: 'static', releases, workerCount, cluster })
  const bareIs = await bare.resting()
  await bare.stop()

  const empty = await startPilot({ platform: 'kubernetes', releases, workerCount, cluster })
  const emptyIs = await empty.resting()
  await empty.stop()

  await pods.fill(1)
  const pilot = await startPilot({ platform: 'kubernetes', releases, workerCount, cluster })
  await pilot.untilEndpoints(2 * releases)
  await singly(pilot, slices, 50)
  print('one slice at a time, 1,000 endpoints', await singly(pilot, slices, changes))
  await singly(pilot, pods, 50)
  print('one pod at a time, 1,000 endpoints', await singly(pilot, pods, changes))
  const steady = await openLoop(pilot, slices)
  print(`${perSecond} slices a second, 1,000 endpoints`, steady.delays)
  console.log(`  ${steady.updates} updates to each worker for ${steady.made} changes`)

  await pods.fill(10)
  await pilot.untilEndpoints(11 * releases)
  const fullIs = await pilot.resting()
  print('one slice at a time, 5,500 endpoints', await singly(pilot, slices, 200))
  print('one pod at a time, 5,500 endpoints', await singly(pilot, pods, 200))
  await pilot.stop()
  const fresh = await startPilot({ platform: 'kubernetes', releases, workerCount, cluster })
  await fresh.untilEndpoints(11 * releases)
  const freshIs = await fresh.resting()
  await fresh.stop()
  console.log(`resident MB, ${releases} Services: the pilot, and ${workerCount} workers together`)
  const row = (what: string, { pilotMb, workersMb }: Memory) =>
    console.log(
      `  ${what.padEnd(43)} ${pilotMb} (+${pilotMb - bareIs.pilotMb}), ${workersMb} (+${workersMb - bareIs.workersMb})`,
    )
  row('platform static, no endpoints', bareIs)
  row('platform kubernetes, Services without pods', emptyIs)
  row('5,000 pods, just started', freshIs)
  row(`5,000 pods, after ${2 * changes + perSecond * burstSeconds} changes`, fullIs)
} finally {
  slices.stop()
  pods.stop()
  await pods.remove()
  client.close()
  await cluster.stop()
}
process.exit(lostInAll === 0 ? 0 : 1)

async function singly(pilot: MeasuredPilot, of: Changes, count: number): Promise<Delays> {
  const delays = noDelays()
  for (let n = 0; n < count; n++) await changeOne(pilot.untilWorkersHave, of, delays)
  return delays
}

/** Changes at their times, whatever the answers take; each to another slice. */
async function openLoop(pilot: MeasuredPilot, of: Changes) {
  const delays = noDelays()
  const before = pilot.updates()
  const made = perSecond * burstSeconds
  const open: Promise<void>[] = []
  const startMs = performance.now()
  for (let n = 0; n < made; n++) {
    const dueMs = startMs + (n * 1_000) / perSecond
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    open.push(changeOne(pilot.untilWorkersHave, of, delays))
  }
  await Promise.all(open)
  return { delays, made, updates: pilot.updates() - before }
}

function print(what: string, { event, call, lost }: Delays): void {
  lostInAll += lost
  const at = (list: number[], share: number) =>
    list.sort((a, b) => a - b)[Math.floor((list.length - 1) * share)]?.toFixed(1) ?? '-'
  console.log(`${what} (${event.length}), ${lost} lost`)
  console.log(`  from the API server's event   p50 ${at(event, 0.5)} ms, p99 ${at(event, 0.99)} ms`)
  console.log(`  from the call that changes it p50 ${at(call, 0.5)} ms, p99 ${at(call, 0.99)} ms`)
}
