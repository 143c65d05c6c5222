/**
 * `npm run demo`: the story by itself, under load, in under a minute. Every step says what it did and
 * what was measured; when a promise breaks, it says which and ends with exit code 1.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import { createHistory, type History } from '../../bench/load/history.ts'
import { defaultPlan, type LoadResult } from '../../bench/load/plan.ts'
import { describe, judge, lastSentMs, spread } from '../../bench/load/verdict.ts'
import { type Load, startLoad } from '../../bench/load.ts'
import { Rejected } from './control-client.ts'
import { openStream, openTunnel } from './exchanges.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { bold, dim, green, ms, red, say } from './screen.ts'
import { app, authority, localPlan, openShop, preview } from './setting.ts'
import { until, untilPhase } from './until.ts'

const ratePerSecond = 200
const quickSwitches = 20

interface Switched {
  readonly from: string
  readonly calledMs: number
  readonly answeredMs: number
}

class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

function promise(what: string, kept: boolean): void {
  if (!kept) throw new BrokenPromise(what)
  say(`  ${green('✓')} ${what}`)
}

const step = (text: string) => say(`\n${bold(text)}`)
const switched: Switched[] = []

async function play(fleet: Fleet, load: Load, history: History): Promise<void> {
  const { client } = fleet
  const [target] = fleet.targets()

  /** A switch and its figures; both versions may answer while it is under way. */
  async function move(id: string, to: string, kind: 'promote' | 'rollback', quiet = false) {
    const from = history.current
    const moved = await history.move(to, () =>
      client.step(id, kind, { wait: 'active', timeoutMs: 10_000 }),
    )
    switched.push({ from, ...moved })
    if (quiet) return
    const { switch: last } = await client.getRelease(id)
    const skew =
      last?.skewMs == null
        ? 'skew not measured'
        : `skew between agents ${ms(last.skewMs)} ± ${ms(last.skewErrorMs ?? 0)}`
    say(`  ${kind} answered in ${ms(moved.answeredMs - moved.calledMs)}; ${skew}`)
  }

  step(`0.0.2 starts beside 0.0.1, and is tried at ${preview.path}`)
  const { id: second } = await client.createRelease({ app, version: '0.0.2', preview })
  await untilPhase(client, second, 'ready', 30_000)
  const previewAt = `http://127.0.0.1:${target!.port}${preview.path}/cart`
  say(dim(`  ${second} is ready; preview: curl -H 'host: ${authority}' ${previewAt}`))
  promise('the public sees only 0.0.1', Object.keys((await load.counts()).byVersion).length === 1)

  step('Promote, with a response still streaming and a WebSocket open on 0.0.1')
  const stream = await openStream(target!, authority, 1_500)
  const tunnel = await openTunnel(target!, authority)
  await move(second, '0.0.2', 'promote')
  promise('the WebSocket stays on 0.0.1', (await tunnel.say('hello')) === '0.0.1: hello')
  promise('the streamed response arrives whole from 0.0.1', (await stream.finished).whole)
  await delay(500)

  step('Roll back')
  const { answeredMs, calledMs } = await timed(() => move(second, '0.0.1', 'rollback'))
  promise('it took less than a second', answeredMs - calledMs < 1_000)
  await delay(500)

  step('Kill a pilot and control with -9 while traffic flows')
  await fleet.kill('eu-1-a.pilot')
  await fleet.kill('control')
  await delay(1_000)
  await fleet.startOne('control')
  await until(
    'the pilot is back',
    () => fleet.pid('eu-1-a.pilot'),
    (pid) => pid !== null,
  )
  say('  both are back')
  if (fleet.natsUrl) {
    step('Stop NATS for two seconds')
    await fleet.stopOne('nats')
    await delay(2_000)
    await fleet.startOne('nats')
    say('  it is back')
  }
  await move(second, '0.0.2', 'promote')

  step('Decommission 0.0.1 while its WebSocket is still open')
  const first = (await client.releases(app)).find(({ version }) => version === '0.0.1')!
  const refused = await client.step(first.id, 'decommission').catch((error: unknown) => error)
  promise(
    'it is refused with the ledger',
    refused instanceof Rejected && refused.problem.code === 'in-use',
  )
  say(dim(`  ${(refused as Rejected).problem.detail}`))
  await move(second, '0.0.1', 'rollback')

  step(`${quickSwitches} switches in a row`)
  for (let n = 0; n < quickSwitches; n++) {
    const forward = n % 2 === 0
    await move(second, forward ? '0.0.2' : '0.0.1', forward ? 'promote' : 'rollback', true)
  }
  await move(second, '0.0.2', 'promote')

  step('Close the WebSocket and decommission 0.0.1')
  await tunnel.close()
  await until(
    'nothing uses 0.0.1',
    () => client.getRelease(first.id),
    (view) => view.ledger.mayDecommission,
  )
  await client.step(first.id, 'decommission')
  await untilPhase(client, first.id, 'decommissioned')
  promise('it is gone', true)
}

async function timed(act: () => Promise<void>): Promise<{ calledMs: number; answeredMs: number }> {
  const before = switched.length
  await act()
  return switched[before]!
}

function figures(result: LoadResult, history: History): boolean {
  const verdict = judge(result, history.allowed)
  const lastOld = switched.map(({ from, calledMs, answeredMs }) =>
    Math.max(0, (lastSentMs(result.samples, from, answeredMs) ?? calledMs) - calledMs),
  )
  const answered = switched.map(({ calledMs, answeredMs }) => answeredMs - calledMs)
  const [old, whole] = [spread(lastOld), spread(answered)]
  const { requests, failed, misrouted, truncated, latencyMs } = verdict
  step('Figures')
  say(`  ${requests} requests: ${failed} failed, ${misrouted} misrouted, ${truncated} truncated`)
  say(`  latency: p50 ${ms(latencyMs.p50)}, p99 ${ms(latencyMs.p99)}`)
  say(`  ${old.count} switches, from the call`)
  say(`    to the last request on the old version: p50 ${ms(old.p50)}, max ${ms(old.max)}`)
  say(`    to the answer that every agent is active: p50 ${ms(whole.p50)}, max ${ms(whole.max)}`)
  const flawless = failed === 0 && misrouted === 0
  if (!flawless) say(red(describe(verdict)))
  return flawless
}

async function main(): Promise<number> {
  const { nats } = new Command('npm run demo --')
    .description('The story of a blue-green release under load; exits 1 when a promise breaks.')
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
    step('Two clusters of two agents; the shop, version 0.0.1')
    fleet = await startFleet(localPlan(folder, nats), { say: (line) => say(dim(`  ${line}`)) })
    await openShop(fleet.client)
    say(`  live everywhere after ${ms(performance.now() - began)}`)
    const history = createHistory('0.0.1')
    load = await startLoad({ ...defaultPlan, targets: fleet.targets(), authority, ratePerSecond })
    say(dim(`  load from now on: ${ratePerSecond} requests/s, streams and uploads among them`))
    await Promise.race([play(fleet, load, history), interruption])
    const flawless = figures(await load.stop(), history)
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
