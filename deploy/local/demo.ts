/**
 * `npm run demo`: the story by itself, under load, in under two minutes, chapter by chapter. Every step says
 * what it did and what was measured; when a promise breaks, it says which and ends with exit code 1.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { createHistory } from '../../bench/load/history.ts'
import { defaultPlan } from '../../bench/load/plan.ts'
import { type Load, startLoad } from '../../bench/load.ts'
import { blueGreen } from './demo/blue-green.ts'
import { canary } from './demo/canary.ts'
import { figures } from './demo/figures.ts'
import { rolling } from './demo/rolling.ts'
import { type Canary, createScene, headline, type Scene } from './demo/scene.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { dim, green, ms, red, say } from './screen.ts'
import { authority, localPlan, openShop } from './setting.ts'

const ratePerSecond = 200
const users = 200

async function play(scene: Scene): Promise<Canary> {
  await blueGreen(scene)
  const walked = await canary(scene)
  await rolling(scene)
  return walked
}

async function main(): Promise<number> {
  const { nats } = new Command('npm run demo --')
    .description(
      'The story of a blue-green, a canary and a rolling release under load; exits 1 when a promise breaks.',
    )
    .option('--nats', 'announcements travel over a real NATS server instead of HTTP', false)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse()
    .opts<{ nats: boolean }>()
  const folder = await mkdtemp(join(tmpdir(), 'swy-demo-'))
  const began = performance.now()
  let fleet: Fleet | null = null
  let load: Load | null = null
  let keep = false
  const interrupted = new AbortController()
  process.on('SIGINT', () => interrupted.abort())
  process.on('SIGTERM', () => interrupted.abort())
  const interruption = new Promise<never>((_, reject) =>
    interrupted.signal.addEventListener('abort', () => reject(new Error('interrupted'))),
  )
  interruption.catch(() => {})
  try {
    headline('Two clusters of two agents; the shop, version 0.0.1')
    fleet = await startFleet(localPlan(folder, { nats }), { say: (line) => say(dim(`  ${line}`)) })
    await openShop(fleet.client)
    say(`  live everywhere after ${ms(performance.now() - began)}`)
    const history = createHistory('0.0.1')
    const targets = fleet.targets()
    load = await startLoad({ ...defaultPlan, targets, authority, ratePerSecond, users })
    const who = `${ratePerSecond} requests/s of ${users} users, streams and uploads among them`
    say(dim(`  load from now on: ${who}`))
    const scene = createScene(fleet, load, history)
    const walked = await Promise.race([play(scene), interruption])
    const flawless = figures(await load.stop(), scene, walked)
    say(`\n${flawless ? green('Every promise was kept.') : red('A promise was broken.')}`)
    keep = !flawless
    return flawless ? 0 : 1
  } catch (error) {
    say(red(`\n${error instanceof Error ? error.message : error}`))
    keep = !interrupted.signal.aborted
    return 1
  } finally {
    load?.kill()
    await fleet?.stop()
    if (keep) say(dim(`logs are in ${join(folder, 'logs')}`))
    else await rm(folder, { recursive: true, force: true })
    say(dim(`${((performance.now() - began) / 1_000).toFixed(0)} s`))
  }
}

process.exitCode = await main()
