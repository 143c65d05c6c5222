/**
 * Rolling: the copies of 0.0.3 in each cluster are replaced by those of 0.0.4, by Kubernetes' rules; then
 * those of a version that never becomes ready begin to, which stops by itself, with the reason, and is
 * undone. Ends with 0.0.4 live.
 */
import type { ReleaseView } from '#wire/release.ts'
import { dim, ms, say } from '../screen.ts'
import { app, shopIntent } from '../setting.ts'
import { until, untilPhase } from '../until.ts'
import { headline, promise, type Scene, tookMs } from './scene.ts'

const version = '0.0.4'
const broken = '0.0.5-broken'
const copies = 3
const stalledAfterMs = 2_500

export async function rolling(scene: Scene): Promise<void> {
  const { fleet, history } = scene
  const { client } = fleet
  const before = history.current
  headline(`Rolling: ${version} replaces the ${copies} copies of ${before} in each cluster`)
  const former = (await client.releases(app)).find((one) => one.version === before)!
  await client.putApp(app, { ...shopIntent, copies }, { wait: 'active', timeoutMs: 15_000 })
  await until(
    `${copies} copies are ready everywhere`,
    () => client.getRelease(former.id),
    ({ agents }) => agents.every(({ readyEndpoints }) => readyEndpoints === copies),
    30_000,
  )

  let fewest = copies
  const moved = await history.move(version, async () => {
    const { id } = await client.createRelease({ app, version, strategy: 'rolling' })
    await until(
      `${id} is live`,
      async () => {
        const [fresh, old] = await Promise.all([
          client.getRelease(id),
          client.getRelease(former.id),
        ])
        fewest = Math.min(fewest, readyAnywhere(fresh, old))
        return fresh
      },
      ({ phase }) => phase === 'live',
      60_000,
    )
  })
  say(`  ${copies * fleet.plan.clusters.length} copies replaced in ${ms(tookMs(moved))}`)
  promise(`every agent had ${copies} ready copies at every look`, fewest >= copies)
  await brokenOne(scene)
}

/** The fewest ready copies, old and new together, that an agent's newest report counts. */
function readyAnywhere(fresh: ReleaseView, old: ReleaseView): number {
  const counts = fresh.agents.map(({ agent, readyEndpoints }) => {
    const beside = old.agents.find((one) => one.agent === agent)?.readyEndpoints ?? 0
    return readyEndpoints + beside
  })
  return Math.min(...counts)
}

async function brokenOne({ fleet, load }: Scene): Promise<void> {
  const { client } = fleet
  headline(`Rolling: ${broken} never becomes ready`)
  const { id } = await client.createRelease({
    app,
    version: broken,
    strategy: 'rolling',
    rolling: { progressDeadlineMs: stalledAfterMs },
  })
  const { paused } = await until(
    `${id} is paused`,
    () => client.getRelease(id),
    (view) => view.paused !== null,
    30_000,
  )
  say(dim(`  ${paused?.reason}`))
  promise(
    'it is paused by itself, and says why',
    paused?.reason?.includes('ProgressDeadlineExceeded') === true,
  )
  promise('nobody has seen it', (await load.counts()).byVersion[broken] === undefined)
  await client.step(id, 'abort')
  await untilPhase(client, id, 'aborted', 30_000)
  const live = (await client.releases(app)).find((one) => one.version === version)!
  const { status } = await until(
    `${live.id} has all of its copies`,
    () => client.getRelease(live.id),
    (view) =>
      view.rolling === null && view.agents.every(({ readyEndpoints }) => readyEndpoints === copies),
    30_000,
  )
  promise(`aborted; ${version} has its ${copies} copies again and is live`, status === 'live')
}
