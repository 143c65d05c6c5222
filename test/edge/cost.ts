/**
 * What a fleet costs on Workers, counted on the real workerd with real agents over NATS: 2 clusters of 2
 * agents, an idle time, ordinary changes, and releases with a switch. The object's own lines `visit-ended` are
 * added up; prices are the platform's.
 *
 *   npm run cost:edge [-- --idle-seconds 660 --times 10]
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { until } from '../../deploy/local/until.ts'
import { openStage, type Stage } from '../stage.ts'

/** https://developers.cloudflare.com/durable-objects/platform/pricing/ (2026-11), in dollars. */
const price = {
  request: 0.15 / 1e6,
  gigabyteSecond: 12.5 / 1e6,
  rowRead: 0.001 / 1e6,
  rowWritten: 1 / 1e6,
}
/** Billed whatever is used of it. */
const objectGigabytes = 0.128
/** Counts of calls keep a timer for a window of their limits after the last call; an alarm counts none. */
const callWindowMs = 10_000
const daySeconds = 86_400

interface Taken {
  readonly events: number
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly ms: number
}

function takenBy(stage: Stage): Taken & { readonly visits: number } {
  const visits = readFileSync(stage.fleet.logFile('control'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"visit-ended"'))
    .map((line) => JSON.parse(line) as Taken)
  const sum = (field: keyof Taken) => visits.reduce((all, visit) => all + visit[field], 0)
  return {
    visits: visits.length,
    events: sum('events'),
    rowsRead: sum('rowsRead'),
    rowsWritten: sum('rowsWritten'),
    ms: sum('ms'),
  }
}

/** What `work` takes until the object has let go after it. */
async function taken(stage: Stage, work: () => Promise<unknown>): Promise<Taken> {
  const before = takenBy(stage)
  await work()
  const after = await until(
    'the object lets go',
    () => takenBy(stage),
    ({ visits }) => visits > before.visits,
    120_000,
    250,
  )
  return {
    events: after.events - before.events,
    rowsRead: after.rowsRead - before.rowsRead,
    rowsWritten: after.rowsWritten - before.rowsWritten,
    ms: after.ms - before.ms,
  }
}

const times = (one: Taken, factor: number): Taken => ({
  events: one.events * factor,
  rowsRead: one.rowsRead * factor,
  rowsWritten: one.rowsWritten * factor,
  ms: one.ms * factor,
})
const sum = (all: readonly Taken[]): Taken => ({
  events: all.reduce((total, { events }) => total + events, 0),
  rowsRead: all.reduce((total, { rowsRead }) => total + rowsRead, 0),
  rowsWritten: all.reduce((total, { rowsWritten }) => total + rowsWritten, 0),
  ms: all.reduce((total, { ms }) => total + ms, 0),
})

function row(what: string, { events, rowsRead, rowsWritten, ms }: Taken): string {
  const dollars =
    events * price.request +
    (ms / 1_000) * objectGigabytes * price.gigabyteSecond +
    rowsRead * price.rowRead +
    rowsWritten * price.rowWritten
  const cells = [events, rowsRead, rowsWritten, ms / 1_000].map((value) =>
    value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en'),
  )
  return `| ${[what, ...cells, `$${dollars.toPrecision(2)}`].join(' | ')} |`
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'idle-seconds': { type: 'string', default: '660' },
      times: { type: 'string', default: '10' },
    },
  })
  const [idleSeconds, repeats] = [Number(values['idle-seconds']), Number(values.times)]
  const stage = await openStage({ runtime: 'workers', nats: true, logFormat: 'json' })
  try {
    const { client } = stage.fleet
    const logged = () => readFileSync(stage.fleet.logFile('control'), 'utf8')
    const untilLogged = (text: string) =>
      until(text, logged, (log) => log.includes(text), 60_000, 100)
    await stage.putApp('shop')
    await stage.release({ app: 'shop', version: '1', autoPromote: true })
    await delay(15_000)

    const changes: Taken[] = []
    for (let n = 0; n < repeats; n++) {
      changes.push(await taken(stage, () => stage.putApp('shop', { hosts: [`shop-${n}.example`] })))
    }
    const releases: Taken[] = []
    for (let n = 0; n < repeats; n++) {
      const before = takenBy(stage)
      // Nobody asks in between: what moves it are agents, and the alarm.
      const { id } = await client.createRelease({ app: 'shop', version: `2.${n}` })
      await untilLogged(`Release ${id} is ready.`)
      await client.step(id, 'promote', { wait: 'active', timeoutMs: 60_000 })
      const former = n === 0 ? 'shop-r1' : `shop-r${n + 1}`
      await client.step(former, 'decommission', { wait: 'active', timeoutMs: 60_000 })
      await delay(20_000)
      const after = takenBy(stage)
      releases.push({
        events: after.events - before.events,
        rowsRead: after.rowsRead - before.rowsRead,
        rowsWritten: after.rowsWritten - before.rowsWritten,
        ms: after.ms - before.ms,
      })
    }
    const idleFrom = takenBy(stage)
    await delay(idleSeconds * 1_000)
    const idleTo = takenBy(stage)
    const idle = {
      events: idleTo.events - idleFrom.events,
      rowsRead: idleTo.rowsRead - idleFrom.rowsRead,
      rowsWritten: idleTo.rowsWritten - idleFrom.rowsWritten,
      ms: idleTo.ms - idleFrom.ms,
    }
    const withWindow = (all: Taken): Taken => ({ ...all, ms: all.ms + callWindowMs })
    const change = withWindow(times(sum(changes), 1 / changes.length))
    const release = withWindow(times(sum(releases), 1 / releases.length))
    const idleDay = times(idle, daySeconds / idleSeconds)
    console.log('| | requests | rows read | rows written | seconds in memory | price |')
    console.log('|---|---|---|---|---|---|')
    console.log(row('one change of an app', change))
    console.log(row('one release: made, switched, the former decommissioned', release))
    console.log(row('a day, idle', idleDay))
    const busyDay = sum([idleDay, times(change, 100), times(release, 50)])
    console.log(row('a day with 100 changes and 50 releases', busyDay))
    console.log(
      `idle: counted over ${idleSeconds} s; changes and releases: means of ${repeats}; 2 clusters of 2 agents`,
    )
  } finally {
    await stage.close()
  }
}

await main()
