/**
 * `npm start`: a whole Switchyard on this machine, with a demo application behind it, and the commands
 * to try next. Ctrl-C stops everything; the state folder makes the next start find it again.
 */
import { relative, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { ReleaseView } from '#wire/release.ts'
import { type Fleet, type FleetPlan, PortsTaken, startFleet } from './fleet.ts'
import { commands } from './guide.ts'
import { bold, dim, green, red, say } from './screen.ts'
import { app, localPlan, openShop } from './setting.ts'

const usage = `npm start [-- options]

  --nats            announcements travel over a real NATS server instead of HTTP
  --workers         control runs on the real workerd, as on Cloudflare Workers (docs/edge.md)
  --state DIR       where everything is kept (default .switchyard)
  --port-base N     first port (default 7700; the plan of ports is printed)`

/** A process that dies more often than this within `deathsWithinMs` is left alone. */
const deathsMax = 5
const deathsWithinMs = 60_000

async function main(): Promise<number> {
  const options = parse()
  if (typeof options === 'number') return options
  const { state, portBase, nats, runtime } = options
  const deaths = new Map<string, number[]>()
  let fleet: Fleet | null = null
  let stopping = false

  const onDeath = (name: string, how: string) => {
    if (stopping || !fleet) return
    const now = performance.now()
    const recent = (deaths.get(name) ?? []).filter((at) => now - at < deathsWithinMs)
    deaths.set(name, [...recent, now])
    const again = recent.length < deathsMax
    say(`${red(name)} ended (${how}); ${again ? 'starting it again' : 'too often: left alone'}`)
    if (again) void revive(fleet, name).catch((error: unknown) => say(red(messageOf(error))))
  }

  const stop = Promise.withResolvers<void>()
  process.on('SIGINT', () => stop.resolve())
  process.on('SIGTERM', () => stop.resolve())

  say(dim('starting control, two clusters of two agents, and the shop …'))
  try {
    fleet = await startFleet(localPlan(state, { nats, runtime }, portBase), {
      say: (line) => say(dim(line)),
      onDeath,
    })
    show(fleet, await openShop(fleet.client))
  } catch (error) {
    await fleet?.stop()
    say(red(messageOf(error)))
    return error instanceof PortsTaken ? 3 : 1
  }

  await stop.promise
  stopping = true
  say(dim('\nstopping …'))
  await fleet.stop()
  say('Everything has stopped. `npm start` finds it again as it was.')
  return 0
}

async function revive(fleet: Fleet, name: string): Promise<void> {
  await delay(200)
  await fleet.startOne(name)
  say(`${green(name)} is back`)
}

interface Options extends Pick<FleetPlan, 'nats'> {
  readonly state: string
  readonly portBase: number
  readonly runtime: 'node' | 'workers'
}

function parse(): Options | number {
  try {
    const { values } = parseArgs({
      options: {
        nats: { type: 'boolean', default: false },
        workers: { type: 'boolean', default: false },
        state: { type: 'string', default: '.switchyard' },
        'port-base': { type: 'string', default: '7700' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const portBase = Number(values['port-base'])
    if (values.help) {
      say(usage)
      return 0
    }
    if (!Number.isInteger(portBase) || portBase < 1024 || portBase > 65_000) {
      throw new Error('--port-base wants a number from 1024 to 65000')
    }
    const { nats, workers } = values
    const runtime = workers ? 'workers' : 'node'
    return { state: resolve(values.state), portBase, nats, runtime }
  } catch (error) {
    say(`${red(messageOf(error))}\n\n${usage}`)
    return 2
  }
}

function show(fleet: Fleet, releases: readonly ReleaseView[]): void {
  const { ports, plan } = fleet
  const live = releases.find(({ phase }) => phase === 'live')
  say(`\n${bold('Switchyard runs.')} Ctrl-C stops it.\n`)
  say(`  control   ${fleet.controlUrl}   (API described at /openapi.json)`)
  if (fleet.natsUrl) say(`  NATS      ${fleet.natsUrl}`)
  for (const cluster of plan.clusters) {
    const names = fleet.agents.filter((agent) => agent.cluster === cluster)
    const list = names.map(({ name }) => `${name} http://127.0.0.1:${ports.agents[name]!.listen}`)
    say(`  ${cluster.padEnd(9)} ${list.join('   ')}`)
  }
  say(`  state     ${relative('.', plan.stateFolder) || plan.stateFolder}   (logs in logs/)`)
  say(`  token     ${fleet.adminToken}`)
  if (live) say(`\n  ${green(`${app} ${live.version} is live`)} on every agent.`)
  say(`\n${bold('Try it')}, one after another:\n`)
  for (const { comment, command } of commands(fleet, releases)) {
    say(dim(`  # ${comment}`))
    say(`  ${command}\n`)
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

process.exitCode = await main()
