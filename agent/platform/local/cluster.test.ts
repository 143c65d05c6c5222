/** Copies of programs on a real local cluster, from their start to their end, as an agent sees them. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { until } from '../../pilot/fleet.fixture.ts'
import {
  cluster,
  endpoints,
  folder,
  isAlive,
  open,
  platform,
  ready,
  start,
  troubles,
  view,
  want,
  workload,
} from './cluster.fixture.ts'

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
    await until('its end', () => !isAlive(pid!))
    expect(endpoints!['shop-r2']).toHaveLength(1)
  })

  it('starts a crashed copy again on its port, and serves it only while it is ready', async () => {
    await open()
    await want(1, workload('shop-r1', 1))
    await ready('shop-r1', 1)
    const [before] = (await view()).copies
    process.kill(before!.pid!, 'SIGKILL')
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
    await open({ programs: { moody: program } })
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
    expect(isAlive(before!.pid!)).toBe(false)
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
    await open({ programs: { deaf: program } })
    await want(1, workload('shop-r1', 1, 'deaf'))
    await ready('shop-r1', 1)
    const [copy] = (await view()).copies
    await want(2)
    await until('its end', () => !isAlive(copy!.pid!))
  })

  it('runs what it can when a program is unknown', async () => {
    await open()
    await want(1, workload('shop-r1', 1, 'unknown'), workload('shop-r2', 1))
    await ready('shop-r2', 1)
    expect((await view()).copies).toHaveLength(1)
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
    await start({ listen: { host: '127.0.0.1', port } })
    await until('endpoints of the new life', () => endpoints !== before)
    await ready('shop-r1', 1)
  })
})
