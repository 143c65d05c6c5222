/**
 * `npm run docs:picture`: takes the README's picture of a live `release watch`: of a canary, on a fleet as
 * `npm start` makes it, with responses open, on a terminal of 100 columns. Needs `script` of util-linux.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { type Fleet, startFleet } from '../deploy/local/fleet.ts'
import { app, authority, localPlan, openShop } from '../deploy/local/setting.ts'
import { until, untilPhase } from '../deploy/local/until.ts'
import { terminalSvg } from './terminal-svg.ts'

const root = resolve(import.meta.dirname, '..')
const file = join(root, 'docs/watch.svg')
const columns = 100
const hideCursor = '\u001b[?25l'

/** Begins a canary and watches it until it waits for a decision; the last frame that was drawn. */
async function lastFrame(fleet: Fleet, folder: string): Promise<string[]> {
  const { client, controlUrl, adminToken } = fleet
  const steps = [
    { weight: 10, pause: { forMs: 2_000 } },
    { weight: 50, pause: { until: 'promote' as const } },
  ]
  const { id } = await client.createRelease({ app, version: '0.0.2', strategy: 'canary', steps })
  await untilPhase(client, id, 'ready', 30_000)
  const command = `stty cols ${columns} rows 50; exec ${process.execPath} ${join(root, 'cli/main.ts')} release watch ${id}`
  const watch = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      TERM: 'xterm-256color',
      SWITCHYARD_URL: controlUrl,
      SWITCHYARD_TOKEN: adminToken,
    },
  })
  let drawn = ''
  let open: ClientRequest[] = []
  watch.stdout.setEncoding('utf8').on('data', (text: string) => {
    drawn += text
  })
  try {
    await until(
      'it is drawn',
      () => drawn,
      (text) => text.includes(hideCursor),
    )
    await client.step(id, 'promote')
    const shown = (text: RegExp) =>
      until(
        `${text} is drawn`,
        () => framesOf(drawn).at(-2) ?? [],
        (lines) => text.test(stripVTControlCharacters(lines.join('\n'))),
        30_000,
      )
    await shown(/promote it to go on/)
    open = startRequests(fleet, 24)
    return await shown(/ledger +[1-9]/)
  } finally {
    watch.kill('SIGTERM')
    for (const one of open) one.destroy()
  }
}

/** What was drawn between two times that the cursor was hidden, without the moves of the cursor. */
const framesOf = (drawn: string): string[][] =>
  drawn
    .split(hideCursor)
    .slice(1)
    .map((frame) =>
      frame
        .replaceAll(/\u001b\[\??\d*[AKJhl]/g, '')
        .replaceAll('\r', '')
        .trimEnd()
        .split('\n'),
    )

/** Responses that take long enough to be counted, of as many users. */
function startRequests(fleet: Fleet, count: number): ClientRequest[] {
  const targets = fleet.targets()
  return Array.from({ length: count }, (_, n) => {
    const { host, port } = targets[n % targets.length]!
    const headers = { host: authority, 'x-user-id': String(n) }
    const one = request({ host, port, path: '/slow?ms=60000&bytes=65536', headers, agent: false })
    one.on('response', (response) => response.resume().on('error', () => {}))
    one.on('error', () => {})
    one.end()
    return one
  })
}

if (import.meta.main) {
  const folder = mkdtempSync(join(tmpdir(), 'swy-picture-'))
  const fleet = await startFleet(localPlan(join(folder, 'state'), { nats: false }))
  try {
    await openShop(fleet.client)
    const lines = await lastFrame(fleet, folder)
    const title = 'switchyard release watch shop-r2'
    const description = `The live view of a canary, in a terminal: ${stripVTControlCharacters(lines[0]!)}; its steps, and each agent.`
    writeFileSync(file, terminalSvg({ title, description, columns, lines }))
    console.log(`docs/watch.svg shows ${lines.length} lines`)
  } finally {
    await fleet.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
