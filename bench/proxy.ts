/**
 * `npm run bench:proxy`: our worker against HAProxy, nginx and a proxy from npm, one core each, in
 * interleaved rounds, because throughput on one machine varies by 10 % and only ratios within a round can
 * be read. Load and backend share the other core, so requests per second are bounded by them too;
 * processor time per request is the fairer figure. The last line is one JSON object.
 *
 *   node bench/proxy.ts --rounds 5 --seconds 3 --connections 64
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, Option } from 'commander'
import { contestants, folderOf, type Running, versionOf } from './proxy/contestants.ts'
import { load } from './proxy/load.ts'
import { cpuSeconds, firstLine, installed, start, stop } from './proxy/processes.ts'

interface Round {
  readonly requestsPerSecond: number
  readonly cpuMicros: number
  readonly errors: number
}

const { rounds, seconds, connections } = new Command('npm run bench:proxy --')
  .description('One agent worker against HAProxy, nginx and an npm proxy, one core each.')
  .addOption(
    new Option('--rounds <n>', 'rounds in which all take turns').default(5).argParser(Number),
  )
  .addOption(new Option('--seconds <n>', 'load on each in a round').default(3).argParser(Number))
  .addOption(new Option('--connections <n>', 'kept alive').default(64).argParser(Number))
  .parse()
  .opts<{ rounds: number; seconds: number; connections: number }>()

const median = (list: readonly number[]): number => {
  const sorted = [...list].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function check(port: number): Promise<void> {
  const options = { port, path: '/products/42', headers: { host: 'shop.test' }, agent: false }
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', ...options }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => {
        if (response.statusCode === 200 && body === 'hello there\n') resolve()
        else reject(new Error(`answered ${response.statusCode}: ${body}`))
      })
    }).on('error', reject)
  })
}

async function round(running: Running, wrk: string | null): Promise<Round> {
  const before = cpuSeconds(running.pid)
  const { requests, errors, seconds: took } = await load(wrk, running.port, connections, seconds)
  const used = cpuSeconds(running.pid) - before
  return { requestsPerSecond: requests / took, cpuMicros: (used * 1e6) / requests, errors }
}

const root = mkdtempSync(join(tmpdir(), 'switchyard-bench-'))
const backend = start(
  [process.execPath, fileURLToPath(new URL('./proxy/backend.ts', import.meta.url))],
  'load',
)
const running = new Map<string, Running>()
try {
  const backendPort = Number(await firstLine(backend))
  const wrk = installed('wrk')
  const present = contestants.filter((one) => one.missing === null)
  for (const one of contestants) {
    if (one.missing) console.log(`${one.name} is not installed and left out: ${one.missing}`)
  }
  if (!wrk) console.log('wrk is not installed (apt-get install wrk): load by our own generator')

  for (const one of present) {
    running.set(one.name, await one.start(folderOf(root, one), backendPort))
    await check(running.get(one.name)!.port)
  }
  const results = new Map<string, Round[]>(present.map((one) => [one.name, []]))
  // The first round warms up and is not counted; the order turns with each round.
  for (let n = 0; n <= rounds; n++) {
    const order = [...present.slice(n % present.length), ...present.slice(0, n % present.length)]
    for (const { name } of order) {
      const figures = await round(running.get(name)!, wrk)
      if (n > 0) results.get(name)!.push(figures)
    }
  }

  const own = results.get('switchyard')!
  const summary = present.map(({ name }) => {
    const list = results.get(name)!
    const ratio = (key: 'requestsPerSecond' | 'cpuMicros') =>
      median(list.map((figures, n) => own[n]![key] / figures[key]))
    return {
      name,
      version: ['haproxy', 'nginx'].includes(name) ? versionOf(name) : '',
      requestsPerSecond: Math.round(median(list.map((one) => one.requestsPerSecond))),
      cpuMicros: Number(median(list.map((one) => one.cpuMicros)).toFixed(2)),
      ourRequests: Number(ratio('requestsPerSecond').toFixed(3)),
      ourCpu: Number(ratio('cpuMicros').toFixed(3)),
      errors: list.reduce((sum, one) => sum + one.errors, 0),
    }
  })

  console.log(
    `\n${rounds} rounds of ${seconds} s, ${connections} connections, ${cpus()[0]?.model ?? 'unknown processor'}\n`,
  )
  console.log(
    'proxy                 requests/s   CPU µs/request   ours/it requests/s   ours/it CPU   errors',
  )
  for (const one of summary) {
    const cells = [
      `${one.name} ${one.version}`.padEnd(20),
      `${one.requestsPerSecond}`.padStart(12),
      one.cpuMicros.toFixed(2).padStart(17),
      one.ourRequests.toFixed(2).padStart(21),
      one.ourCpu.toFixed(2).padStart(14),
      `${one.errors}`.padStart(9),
    ]
    console.log(cells.join(''))
  }
  console.log(
    JSON.stringify({
      bench: 'proxy',
      rounds,
      seconds,
      connections,
      load: wrk ? 'wrk' : 'own',
      contestants: summary,
    }),
  )
  if (summary.some((one) => one.errors > 0)) process.exitCode = 1
} finally {
  for (const one of running.values()) await one.stop()
  await stop(backend)
  rmSync(root, { recursive: true, force: true })
}
