/**
 * The supervisor with stand-ins for its children: what it promises holds whatever they do. The real ones
 * run in `worker/worker.test.ts` and in `test/`.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AgentConfig } from './config.ts'
import { type Supervisor, type SupervisorOptions, startSupervisor } from './supervisor.ts'

const here = (name: string) => new URL(name, import.meta.url).href

/** Answers its pid over HTTP on the traffic socket; `/hang` blocks its loop for ever. */
const workerSource = `
import http from 'node:http'
import { supervised } from '${here('./child.ts')}'
const server = http.createServer((request, response) => {
  if (request.url === '/hang') for (;;);
  const delayMs = Number(new URL(request.url, 'http://x').searchParams.get('delay') ?? 0)
  setTimeout(() => response.end(String(process.pid)), delayMs)
})
const child = supervised(() => server.close(() => process.exit(0)))
server.listen({ fd: 4 }, () => child.tell({ type: 'listening' }))
`
const pilotSource = `
import { supervised } from '${here('./child.ts')}'
supervised(() => process.exit(0))
`
const dyingSource = 'process.exit(7)'

let folder: string
let supervisors: Supervisor[] = []
const script = (name: string, source: string): URL => {
  const file = join(folder, name)
  writeFileSync(file, source)
  return pathToFileURL(file)
}
const config = (workers: number): AgentConfig => ({
  cluster: 'eu-1',
  name: 'eu-1-a',
  stateFolder: folder,
  listen: { host: '127.0.0.1', port: 0 },
  probe: { host: '127.0.0.1', port: 0 },
  admin: { host: '127.0.0.1', port: 0 },
  workers,
  control: { url: 'http://127.0.0.1:9', enrolmentToken: null },
  nats: null,
  platform: { type: 'static', file: 'none' },
})

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-supervisor-'))
})
afterEach(async () => {
  await Promise.all(supervisors.map((supervisor) => supervisor.stop()))
  supervisors = []
  rmSync(folder, { recursive: true })
})

function start(workers: number, options: SupervisorOptions = {}): Supervisor {
  const supervisor = startSupervisor(config(workers), {
    workerScript: script('worker.ts', workerSource),
    pilotScript: script('pilot.ts', pilotSource),
    log: () => {},
    ...options,
  })
  supervisors.push(supervisor)
  return supervisor
}

function ask(port: number, target = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { port, host: '127.0.0.1', path: target, agent: false },
      (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve(text))
        response.on('error', reject)
      },
    )
    request.on('error', reject)
  })
}

async function eventually(
  holds: () => boolean | Promise<boolean>,
  boundMs = 15_000,
): Promise<void> {
  const endMs = performance.now() + boundMs
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error('timed out')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const pidsOf = ({ pids }: Supervisor): number[] =>
  [pids().pilot, ...pids().workers].filter((pid) => pid !== null)

describe('a supervisor', { timeout: 60_000 }, () => {
  test('starts the pilot and so many workers on its sockets', async () => {
    const supervisor = start(2)
    await supervisor.listening
    expect(supervisor.listen.port).toBeGreaterThan(0)
    expect(new Set(pidsOf(supervisor)).size).toBe(3)
    const pid = Number(await ask(supervisor.listen.port))
    expect(supervisor.pids().workers).toContain(pid)
  })

  test('replaces a killed worker within a second, and no connection is refused', async () => {
    const supervisor = start(2)
    await supervisor.listening
    const [first] = supervisor.pids().workers
    process.kill(first!, 'SIGKILL')
    const startMs = performance.now()
    await eventually(() => {
      const now = supervisor.pids().workers
      return now.every((pid) => pid !== null) && !now.includes(first!)
    })
    expect(performance.now() - startMs).toBeLessThan(1_000)
    for (let n = 0; n < 20; n++) expect(Number(await ask(supervisor.listen.port))).not.toBe(first)
  })

  test('keeps connections waiting while every worker is dead', async () => {
    const supervisor = start(2)
    await supervisor.listening
    for (const pid of supervisor.pids().workers) process.kill(pid!, 'SIGKILL')
    const answers = await Promise.allSettled(
      Array.from({ length: 50 }, () => ask(supervisor.listen.port)),
    )
    const refused = answers.filter(
      (one) => one.status === 'rejected' && one.reason.code === 'ECONNREFUSED',
    )
    expect(refused).toEqual([])
    expect(answers.filter((one) => one.status === 'fulfilled').length).toBeGreaterThan(40)
  })

  test('kills a worker that hangs', async () => {
    const supervisor = start(1, { hungAfterMs: 1_200 })
    await supervisor.listening
    const [hung] = supervisor.pids().workers
    const lost = ask(supervisor.listen.port, '/hang').catch((error) => error.code)
    await eventually(async () => !lives(hung!))
    expect(await lost).toBe('ECONNRESET')
    expect(Number(await ask(supervisor.listen.port))).not.toBe(hung)
  })

  test('does not kill one that is silent because it gets no CPU, until it does', async () => {
    let starved = true
    const mainThread = () => ({ runnable: true, cpuMs: starved ? 0 : performance.now() })
    const supervisor = start(1, { hungAfterMs: 600, mainThread })
    await supervisor.listening
    const [hung] = supervisor.pids().workers
    const lost = ask(supervisor.listen.port, '/hang').catch((error) => error.code)
    await delay(2_500)
    expect(lives(hung!)).toBe(true)
    starved = false
    expect(await lost).toBe('ECONNRESET')
  })

  test('replaces a killed pilot and leaves the workers alone', async () => {
    const supervisor = start(1)
    await supervisor.listening
    const before = supervisor.pids()
    process.kill(before.pilot!, 'SIGKILL')
    await eventually(() => {
      const { pilot } = supervisor.pids()
      return pilot !== null && pilot !== before.pilot
    })
    expect(supervisor.pids().workers).toEqual(before.workers)
  })

  test('waits longer and longer for a child that keeps dying', async () => {
    const pauses: number[] = []
    start(1, {
      pilotScript: script('dying.ts', dyingSource),
      log: (_, text) => {
        const pause = /pilot ended by exit code 7; again in (\d+) ms/.exec(text)
        if (pause) pauses.push(Number(pause[1]))
      },
    })
    await eventually(() => pauses.length >= 4)
    expect(pauses.slice(0, 4)).toEqual([0, 50, 100, 200])
  })

  test('lets exchanges finish when it stops, and leaves no process behind', async () => {
    const supervisor = start(2)
    await supervisor.listening
    const pids = pidsOf(supervisor)
    const slow = ask(supervisor.listen.port, '/?delay=300')
    await new Promise((resolve) => setTimeout(resolve, 100))
    await supervisor.stop()
    expect(Number(await slow)).toBeGreaterThan(0)
    expect(pids.filter(lives)).toEqual([])
    await expect(ask(supervisor.listen.port)).rejects.toThrow(/ECONNREFUSED/)
    await supervisor.stop()
  })

  test('kills what does not finish within the drain timeout', async () => {
    const supervisor = start(1, { drainTimeoutMs: 300 })
    await supervisor.listening
    const lost = ask(supervisor.listen.port, '/?delay=60000').catch((error) => error.code)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const pids = pidsOf(supervisor)
    await supervisor.stop()
    expect(await lost).toBe('ECONNRESET')
    expect(pids.filter(lives)).toEqual([])
  })

  test('that is killed takes its children with it', async () => {
    const entry = script(
      'entry.ts',
      `import { startSupervisor } from '${here('./supervisor.ts')}'
       const supervisor = startSupervisor(${JSON.stringify(config(2))}, {
         workerScript: new URL('${script('worker.ts', workerSource).href}'),
         pilotScript: new URL('${script('pilot.ts', pilotSource).href}'),
       })
       await supervisor.listening
       process.send([supervisor.pids().pilot, ...supervisor.pids().workers])`,
    )
    const child = fork(entry, { execArgv: [] })
    const [pids] = (await once(child, 'message')) as [number[]]
    expect(pids.filter(lives).length).toBe(3)
    child.kill('SIGKILL')
    await eventually(() => pids.filter(lives).length === 0)
  })
})
