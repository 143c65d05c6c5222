/**
 * Canary: 0.0.3 gets 10, then 50, then 100 percent of the users of 0.0.2, in all clusters, each step after
 * a decision. Whoever has once seen 0.0.3 stays with it; whether that held is read from the load at the end.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { LoadResult } from '../../../bench/load/plan.ts'
import { monotonicMs } from '../../../bench/load/plan.ts'
import { isShare, shareOf, wentBack } from '../../../bench/load/users.ts'
import { askVersion } from '../exchanges.ts'
import { ms, say } from '../screen.ts'
import { app, authority } from '../setting.ts'
import { untilPhase } from '../until.ts'
import { decommissioned } from './blue-green.ts'
import { type Canary, headline, promise, type Scene, tookMs } from './scene.ts'

const version = '0.0.3'
const weights = [10, 50, 100]
/** Long enough for most users to ask again. */
const lookMs = 2_000
const always = { name: 'x-canary', value: 'always' }

export async function canary(scene: Scene): Promise<Canary> {
  const { fleet, history } = scene
  const { client } = fleet
  const before = history.current

  headline(`A canary: ${version} gets ${weights.join(', then ')} percent of the users`)
  const { id } = await client.createRelease({
    app,
    version,
    strategy: 'canary',
    steps: weights.map((weight) => ({ weight, pause: { until: 'promote' } })),
    target: { header: always },
  })
  await untilPhase(client, id, 'ready', 30_000)

  const steps: Canary['steps'][number][] = []
  for (const weight of weights) {
    const whole = weight === 100
    const moved = await history.move(whole ? version : [version, before], () =>
      client.step(id, 'promote', { wait: 'active', timeoutMs: 10_000 }),
    )
    const { status } = await client.getRelease(id)
    say(`  ${weight} %: answered in ${ms(tookMs(moved))}; ${status}`)
    if (weight === weights[0]) await asksByHeader(scene)
    await delay(lookMs)
    const { calledMs, answeredMs } = moved
    steps.push({ weight, calledMs, answeredMs, heldUntilMs: monotonicMs() })
  }
  await untilPhase(client, id, 'live')
  const former = (await client.releases(app)).find((one) => one.version === before)!
  await decommissioned(scene, former.id)
  return { version, steps }
}

/** Somebody who tests it gets it always, whatever its share. */
async function asksByHeader({ fleet }: Scene): Promise<void> {
  const asked = fleet
    .targets()
    .map((target) => askVersion(target, authority, { [always.name]: always.value }))
  const answers = await Promise.all(asked)
  promise(
    `at 10 % every agent answers "${always.name}: ${always.value}" with ${version}`,
    answers.every((one) => one === version),
  )
}

/** Read at the end, from every answer of the load. */
export function checkUsers({ version, steps }: Canary, { samples }: LoadResult): void {
  for (const { weight, answeredMs, heldUntilMs } of steps) {
    const share = shareOf(samples, version, answeredMs, heldUntilMs)
    promise(
      `at ${weight} % it answered ${share.answered} of the ${share.users} users who asked`,
      isShare(share, weight),
    )
  }
  const untilMs = steps.at(-1)!.heldUntilMs
  const during = samples.filter(({ sentMs }) => sentMs <= untilMs)
  const back = wentBack(during, version, steps).length
  promise(`users who went back while its share grew: ${back}`, back === 0)
}
