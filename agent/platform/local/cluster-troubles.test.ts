/** Why copies on a real local cluster do not become ready, as its agents are told. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { until } from '../../pilot/fleet.fixture.ts'
import {
  cluster,
  folder,
  follow,
  open,
  platform,
  ready,
  reasons,
  view,
  want,
  workload,
} from './cluster.fixture.ts'

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
    await open({ programs: { late: program } })
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
