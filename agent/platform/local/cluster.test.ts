import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TroubleReport } from '#wire/report.ts'
import type { Endpoints } from '../../link.ts'
import { until } from '../../pilot/fleet.fixture.ts'
import type { Platform, Workload } from '../platform.ts'
import { type LocalCluster, startLocalCluster } from './cluster.ts'
import { type CopyTiming, copyTiming } from './copy.ts'
import { createLocalPlatform } from './local.ts'
import { copiesMax } from './protocol.ts'

const shopProgram = resolve(import.meta.dirname, '../../../deploy/local/shop.ts')
const timing: CopyTiming = {
  ...copyTiming,
  probeMs: 30,
  startMs: 20,
  restart: { firstMs: 20, mostMs: 100 },
  removeDelayMs: 150,
  removeGraceMs: 1_000,
  stopGraceMs: 1_000,
  slowMs: 300,
}

let folder: string
let cluster: LocalCluster
let platform: Platform
let endpoints: Endpoints | null
let troubles: string[]
let reasons: readonly TroubleReport[]

async function open(
  programs: Record<string, string> = { shop: shopProgram },
  leaseMs = 10_000,
): Promise<void> {
  cluster = await startLocalCluster({
    cluster: 'eu-1',
    listen: { host: '127.0.0.1', port: 0 },
    stateFolder: folder,
    programs,
    timing,
    leaseMs,
    log: () => {},
  })
  follow()
}

function follow(): void {
  endpoints = null
  troubles = []
  reasons = []
  platform = createLocalPlatform(cluster.url)
  platform.follow({
    onEndpoints(next) {
      endpoints = next
    },
    onReplacements() {},
    onTroubles(next) {
      reasons = next
    },
    onTrouble: (text) => troubles.push(text),
  })
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'swy-platform-'))
})
afterEach(async () => {
  await platform.close()
  await cluster.stop()
  rmSync(folder, { recursive: true })
})

// Each call has a bound of its own.
const { signal } = new AbortController()
const workload = (release: string, copies: number, program = 'shop'): Workload => ({
  app: 'shop',
  release,
  version: release === 'shop-r1' ? '0.0.1' : '0.0.2',
  program,
  copies,
})

async function want(revision: number, ...workloads: Workload[]): Promise<void> {
  await platform.workloads!.acquire('eu-1-a', signal)
  const desired = { epoch: 1, revision, workloads }
  expect(await platform.workloads!.apply('eu-1-a', desired, signal)).toBe('applied')
}
const ready = (release: string, count: number) =>
  until(`${count} of ${release}`, () => (endpoints?.[release]?.length ?? 0) === count)

interface View {
  readonly version: number
  readonly copies: { release: string; pid: number; port: number; restarts: number }[]
}
const view = async () => (await (await fetch(`${cluster.url}/workloads`)).json()) as View
const put = (body: unknown) =>
  fetch(`${cluster.url}/workloads`, { method: 'PUT', body: JSON.stringify(body) })

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => done(port))
    })
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('a local cluster', () => {
  it('starts copies, serves the ready ones, and tells each who it is', async () => {
    await open()
    await want(1, workload('shop-r1', 2))
    await ready('shop-r1', 2)
    const { address, port } = endpoints!['shop-r1']![0]!
    const answer = await (await fetch(`http://${address}:${port}/`)).json()
    expect(answer).toMatchObject({ version: '0.0.1', release: 'shop-r1', cluster: 'eu-1' })
  })

  it('takes a removed copy out of the endpoints first, and ends it afterwards', async () => {
    await open()
    await want(1, workload('shop-r1', 1), workload('shop-r2', 1))
    await ready('shop-r1', 1)
    await ready('shop-r2', 1)
    const { pid, port } = (await view()).copies.find(({ release }) => release === 'shop-r1')!
    await want(2, workload('shop-r2', 1))
    await ready('shop-r1', 0)
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
    await until('its end', () => !isAlive(pid))
    expect(endpoints!['shop-r2']).toHaveLength(1)
  })

  it('starts a crashed copy again on its port, and serves it only while it is ready', async () => {
    await open()
    await want(1, workload('shop-r1', 1))
    await ready('shop-r1', 1)
    const [before] = (await view()).copies
    process.kill(before!.pid, 'SIGKILL')
    await ready('shop-r1', 0)
    await ready('shop-r1', 1)
    const [after] = (await view()).copies
    expect(after).toMatchObject({ port: before!.port, restarts: 1 })
    expect(after!.pid).not.toBe(before!.pid)
  })

  it('does not serve a copy that answers its probe with an error or not at all', async () => {
    const program = join(folder, 'moody.mjs')
    writeFileSync(
      program,
      `import { createServer } from 'node:http'
       let mood = 200
       createServer((request, response) => {
         if (request.url === '/readyz') { response.writeHead(mood); return void response.end() }
         mood = Number(request.url.slice(1))
         response.end()
       }).listen(Number(process.env.PORT), process.env.HOST)
       process.stdin.on('end', () => process.exit()).resume()`,
    )
    await open({ moody: program })
    await want(1, workload('shop-r1', 1, 'moody'))
    await ready('shop-r1', 1)
    const { port } = endpoints!['shop-r1']![0]!
    await fetch(`http://127.0.0.1:${port}/503`)
    await ready('shop-r1', 0)
    await fetch(`http://127.0.0.1:${port}/200`)
    await ready('shop-r1', 1)
  })

  it('starts what it had to run when it comes back, and leaves nothing behind when it stops', async () => {
    await open()
    await want(1, workload('shop-r1', 1))
    await ready('shop-r1', 1)
    const [before] = (await view()).copies
    await cluster.stop()
    expect(isAlive(before!.pid)).toBe(false)
    await platform.close()
    await open()
    await ready('shop-r1', 1)
    expect((await view()).copies[0]).toMatchObject({ port: before!.port })
  })

  it('ends a copy of a former life that did not leave by itself', async () => {
    const program = join(folder, 'stubborn.mjs')
    writeFileSync(program, 'setInterval(() => {}, 1000)')
    const orphan = spawn(process.execPath, [program], { stdio: 'ignore' })
    const pid = orphan.pid!
    const records = { 'shop-r1/0': { port: 1, pid, program } }
    writeFileSync(join(folder, 'copies.json'), JSON.stringify(records))
    const ended = new Promise((done) => orphan.once('exit', (_code, how) => done(how)))
    await open()
    expect(await ended).toBe('SIGTERM')
  })

  it('kills a copy that ignores SIGTERM after the grace', async () => {
    const program = join(folder, 'deaf.mjs')
    writeFileSync(
      program,
      `import { createServer } from 'node:http'
       process.on('SIGTERM', () => {})
       createServer((_request, response) => response.end())
         .listen(Number(process.env.PORT), process.env.HOST)`,
    )
    await open({ deaf: program })
    await want(1, workload('shop-r1', 1, 'deaf'))
    await ready('shop-r1', 1)
    const [copy] = (await view()).copies
    await want(2)
    await until('its end', () => !isAlive(copy!.pid))
  })

  it('runs what it can when a program is unknown', async () => {
    await open()
    await want(1, workload('shop-r1', 1, 'unknown'), workload('shop-r2', 1))
    await ready('shop-r2', 1)
    expect((await view()).copies).toHaveLength(1)
  })
})

describe('why copies do not become ready', () => {
  const reason = (release: string) => reasons.find((one) => one.release === release)?.message

  it('is told of an unknown program, to late readers too, until nobody wants it', async () => {
    await open()
    await want(1, workload('shop-r1', 1, 'unknown'), workload('shop-r2', 1))
    await until('the reason', () => reason('shop-r1'))
    await ready('shop-r2', 1)
    const said =
      'this cluster has no program unknown: start its platform with --program unknown=FILE'
    expect(reasons).toEqual([{ release: 'shop-r1', message: said }])
    await platform.close()
    follow()
    await until('the reason again', () => reason('shop-r1') === said)
    await want(2, workload('shop-r2', 1))
    await until('no trouble', () => reasons.length === 0)
  })

  it('is told of copies that end, in words that stay, and no longer once they are ready', async () => {
    const program = join(folder, 'late.mjs')
    const mark = join(folder, 'go')
    writeFileSync(
      program,
      `import { existsSync } from 'node:fs'
       import { createServer } from 'node:http'
       if (!existsSync(${JSON.stringify(mark)})) process.exit(3)
       createServer((_request, response) => response.end())
         .listen(Number(process.env.PORT), process.env.HOST)
       process.stdin.on('end', () => process.exit()).resume()`,
    )
    await open({ late: program })
    await want(1, workload('shop-r1', 1, 'late'))
    await until('its death', () => reason('shop-r1') === 'shop-r1/0 ended by exit code 3')
    const often = 'shop-r1/0 ended by exit code 3, again and again'
    await until('another one', () => reason('shop-r1') === often)
    const { restarts } = (await view()).copies[0]!
    await until('two more', async () => (await view()).copies[0]!.restarts > restarts + 1)
    expect(reason('shop-r1')).toBe(often)
    writeFileSync(mark, '')
    await ready('shop-r1', 1)
    await until('no trouble', () => reasons.length === 0)
  })

  it('is told of a copy that is not ready for too long', async () => {
    await open()
    await want(1, { ...workload('shop-r1', 1), version: '1-broken' })
    const said = /^shop-r1\/0 is not ready: \/readyz on port \d+ answers 503, for more than 0.3 s$/
    await until('the reason', () => said.test(reason('shop-r1') ?? ''))
  })

  it('is not told to an agent of a former version, which would break off the stream', async () => {
    await open()
    await want(1, workload('shop-r1', 1, 'unknown'), workload('shop-r2', 1))
    await until('the reason', () => reason('shop-r1'))
    const response = await fetch(`${cluster.url}/endpoints`)
    let text = ''
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      text += part
      if (text.includes('"release":"shop-r2"') || text.includes(': alive')) break
    }
    expect(text).toContain('"type":"state"')
    expect(text).not.toContain('troubles')
  })
})

describe('the lease', () => {
  it('belongs to one agent until it does not renew', async () => {
    await open({}, 1_000)
    const { acquire } = platform.workloads!
    expect(await acquire('eu-1-a', signal)).toBe(true)
    expect(await acquire('eu-1-b', signal)).toBe(false)
    await until('the takeover', () => acquire('eu-1-b', signal))
    expect(await acquire('eu-1-a', signal)).toBe(false)
  })

  it('is needed to write workloads', async () => {
    await open()
    const desired = { epoch: 1, revision: 1, workloads: [] }
    const { acquire, apply } = platform.workloads!
    expect(await apply('eu-1-a', desired, signal)).toBe('not-holder')
    await acquire('eu-1-b', signal)
    expect(await apply('eu-1-a', desired, signal)).toBe('not-holder')
    expect((await view()).version).toBe(0)
  })
})

describe('a write of workloads', () => {
  const body = { holder: 'eu-1-a', epoch: 1, revision: 1, expected: 0, workloads: [] as Workload[] }

  it('is refused from an older snapshot than the applied one', async () => {
    await open()
    await want(5)
    const desired = { epoch: 1, revision: 4, workloads: [workload('shop-r1', 1)] }
    expect(await platform.workloads!.apply('eu-1-a', desired, signal)).toBe('older')
    expect((await view()).copies).toEqual([])
  })

  it('is refused with another version than the one it has read', async () => {
    await open()
    await platform.workloads!.acquire('eu-1-a', signal)
    expect((await put({ ...body, expected: 1 })).status).toBe(412)
    expect((await put(body)).status).toBe(200)
  })

  it('is refused when it asks for one copy too many', async () => {
    await open({})
    await platform.workloads!.acquire('eu-1-a', signal)
    const many = (copies: number) => ({ ...body, workloads: [workload('shop-r1', copies)] })
    expect((await put(many(copiesMax + 1))).status).toBe(422)
    expect((await put(many(copiesMax))).status).toBe(200)
  })

  it('is told to the releases that are too much, until it is not', async () => {
    await open()
    await platform.workloads!.acquire('eu-1-a', signal)
    const first = { epoch: 1, revision: 1, workloads: [workload('shop-r1', 1)] }
    expect(await platform.workloads!.apply('eu-1-a', first, signal)).toBe('applied')
    const workloads = [workload('shop-r1', 1), workload('shop-r2', copiesMax)]
    const more = { ...first, revision: 2, workloads }
    expect(await platform.workloads!.apply('eu-1-a', more, signal)).toBe('refused')
    await until('the trouble', () => reasons.length === 1)
    expect(reasons[0]).toMatchObject({
      release: 'shop-r2',
      message: expect.stringContaining('at most 256 copies, and all releases together ask for 257'),
    })
    const again = { ...first, revision: 3 }
    expect(await platform.workloads!.apply('eu-1-a', again, signal)).toBe('applied')
    await until('no trouble', () => reasons.length === 0)
  })

  it('is refused when it is not of the agreed form', async () => {
    await open()
    expect((await put({ ...body, surprise: true })).status).toBe(400)
    const response = await fetch(`${cluster.url}/lease`, { method: 'POST', body: 'x' })
    expect(response.status).toBe(400)
  })
})

describe('a page in a browser', () => {
  it('gets nothing: neither with an origin nor with another name for this address', async () => {
    await open()
    const { port } = new URL(cluster.url)
    const statusOf = (headers: Record<string, string>) =>
      new Promise<number>((done) => {
        get({ host: '127.0.0.1', port, path: '/workloads', headers }, (response) => {
          response.resume()
          done(response.statusCode!)
        })
      })
    expect(await statusOf({ origin: 'http://evil.example' })).toBe(403)
    expect(await statusOf({ host: `evil.example:${port}` })).toBe(403)
    expect(await statusOf({ host: `localhost:${port}` })).toBe(200)
  })
})

describe('an agent', () => {
  it('keeps the endpoints that it knew while the cluster is away, and hears of it again', async () => {
    await open()
    await want(1, workload('shop-r1', 1))
    await ready('shop-r1', 1)
    const port = Number(new URL(cluster.url).port)
    const before = endpoints
    await cluster.stop()
    await until('trouble', () => troubles.length > 0)
    expect(endpoints).toEqual(before)
    cluster = await startLocalCluster({
      cluster: 'eu-1',
      listen: { host: '127.0.0.1', port },
      stateFolder: folder,
      programs: { shop: shopProgram },
      timing,
      log: () => {},
    })
    await until('endpoints of the new life', () => endpoints !== before)
    await ready('shop-r1', 1)
  })
})

describe('the process', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('takes its copies with it by %s', async (how) => {
    await open({})
    const script = resolve(import.meta.dirname, 'cluster.ts')
    const listen = `127.0.0.1:${await freePort()}`
    const child = spawn(
      process.execPath,
      [
        ...[script, '--cluster', 'us-1', '--listen', listen, '--state', join(folder, 'us-1')],
        ...['--program', `shop=${shopProgram}`],
      ],
      { stdio: 'ignore' },
    )
    try {
      const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)))
      const { acquire, apply } = createLocalPlatform(`http://${listen}`).workloads!
      await until('the lease', () => acquire('a', signal).catch(() => false))
      await apply('a', { epoch: 1, revision: 1, workloads: [workload('shop-r1', 2)] }, signal)
      const answer = await (await fetch(`http://${listen}/workloads`)).json()
      const pids = (answer as View).copies.map(({ pid }) => pid)
      expect(pids.filter(isAlive)).toHaveLength(2)
      child.kill(how)
      expect(await exited).toBe(how === 'SIGTERM' ? 0 : null)
      await until('their end', () => !pids.some(isAlive))
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('says what is wrong with its command line', async () => {
    await open({})
    const script = resolve(import.meta.dirname, 'cluster.ts')
    const child = spawn(process.execPath, [
      script,
      '--cluster',
      'eu-1',
      '--state',
      folder,
      '--program',
      'x',
    ])
    let said = ''
    child.stderr.on('data', (part) => {
      said += part
    })
    const code = await new Promise((done) => child.once('close', done))
    expect(code).toBe(1)
    expect(said).toContain('write name=file')
  })
})
