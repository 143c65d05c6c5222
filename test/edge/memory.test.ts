/** As many routes as control on Workers takes, in less than the memory of an object. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { routesMax } from '../../control/workers/bounded-compile.ts'
import { platformLimits } from '../../control/workers/limits.ts'
import { type ControlOnWorkerd, startControl } from './control-under-test.ts'

/** Half of what the platform gives: the rest is for what is no part of the heap. */
const heapMegabytes = platformLimits.memoryBytes / 2 ** 20 / 2
const routesPerApp = 1_000

let control: ControlOnWorkerd
beforeAll(async () => {
  const v8Flags = [`--max-heap-size=${heapMegabytes}`]
  control = await startControl(['eu-1'], { v8Flags })
})
afterAll(() => control?.stop())

/** Memory of workerd that is no file's. */
const memoryBytes = (): number => {
  const status = readFileSync(`/proc/${control.worker.workerd().pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)![1]) * 1024
}
const slowly = () => ({ signal: AbortSignal.timeout(120_000) })
const put = (n: number, count = routesPerApp) =>
  control.call('PUT', `/v1/apps/app-${n}`, {
    ...slowly(),
    body: {
      clusters: ['eu-1'],
      hosts: [`app-${n}.example`],
      platform: { type: 'static' },
      routes: Array.from({ length: count }, (_, i) => ({
        name: `r${i}`,
        matches: [{ path: { type: 'PathPrefix', value: `/section-${i % 30}/item-${i}` } }],
      })),
    },
  })

it('20,000 routes fit, and one more is refused', { timeout: 600_000 }, async () => {
  const before = memoryBytes()
  for (let n = 0; n < routesMax / routesPerApp; n++) expect((await put(n)).status).toBe(201)
  const snapshot = '/v1/clusters/eu-1/snapshot'
  const whole = await control.call('GET', snapshot, slowly())
  expect(whole.body.objects).toHaveProperty('length', expect.any(Number))
  const request = { host: 'app-7.example', path: '/section-7/item-7' }
  const explained = await control.call('POST', '/v1/clusters/eu-1/explain', {
    ...slowly(),
    body: request,
  })
  expect([explained.status, explained.body.host]).toEqual([200, request.host])
  const refused = await put(20, 1)
  expect([refused.status, refused.body.code]).toEqual([422, 'does-not-compile'])
  expect(refused.body.detail).toContain(`${routesMax} routes`)
  const grownBytes = memoryBytes() - before
  console.log(`${routesMax} routes: ${Math.round(grownBytes / 2 ** 20)} MB more than none`)
  expect(grownBytes).toBeLessThan(platformLimits.memoryBytes * 0.8)
  await enoughForCheckpoint()
  expect((await control.worker.ask('POST', '/edge/recover')).status).toBe(200)
  await control.restart()
  const again = await control.call('GET', snapshot, slowly())
  expect(again.body.digest).toBe(whole.body.digest)
  await control.worker.workerd().kill('SIGTERM')
  console.log(rowsIn(join(control.worker.folder, 'objects')))
  for (const [table, bytes] of rowsIn(join(control.worker.folder, 'objects'))) {
    expect(bytes, table).toBeLessThan(platformLimits.rowBytes * 0.8)
  }
})

/** So many records that a control which is closed keeps its state. */
async function enoughForCheckpoint(): Promise<void> {
  for (let n = 0; n < 64; n++) {
    const until = new Date(Date.UTC(2020, 1, 1, 0, n)).toISOString()
    const body = { from: '2020-01-01T00:00:00Z', until, reason: 'rest' }
    expect((await control.call('PUT', '/v1/freezes/rest', { body })).status).toBeLessThan(300)
  }
}

/** The largest row of each table of the object, which workerd on this machine does not bound. */
function rowsIn(folder: string): [table: string, bytes: number][] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const [file] = files.filter((name) => /[0-9a-f]{64}\.sqlite$/.test(name))
  const database = new DatabaseSync(join(folder, file!))
  try {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
    return tables.map(({ name }) => {
      const columns = database.prepare(`SELECT name FROM pragma_table_info('${name}')`).all()
      const bytes = columns.map((column) => `coalesce(length(CAST(${column.name} AS BLOB)), 0)`)
      const sql = `SELECT max(${bytes.join(' + ')}) AS bytes FROM ${name}`
      return [String(name), Number(database.prepare(sql).get()!.bytes)]
    })
  } finally {
    database.close()
  }
}
