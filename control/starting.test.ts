/** What is answered while control reads a long log before it has a state to answer from. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ControlOptions, createControl } from './control.ts'
import { createHttpTransport } from './delivery/http.ts'
import { emptyState } from './domain/state.ts'
import { init } from './node/commands.ts'
import { openStateFolder, stateFiles } from './node/folder.ts'
import { openSqliteLog } from './node/sqlite-log.ts'
import { openKeyRing } from './trust/key-ring.ts'

const clocks = { now: Date.now, monotonicMs: () => performance.now() }
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'switchyard-starting-'))
})
afterEach(() => rmSync(root, { recursive: true }))

it('says how far it is, and refuses the rest until it has a state', async () => {
  const folder = openStateFolder(join(root, 'state'))
  await init({ folder, ...clocks, wrapLog: (log) => log }, ['eu-1'])
  const log = openSqliteLog(folder.file(stateFiles.log))
  let go = () => {}
  const held = new Promise<void>((resolve) => {
    go = resolve
  })
  const http = createHttpTransport()
  const control = await createControl({
    log: {
      ...log,
      async read(position: number, limit: number) {
        await held
        return log.read(position, limit)
      },
    },
    history: { begin: async () => emptyState, keep() {}, async close() {} },
    keys: await openKeyRing(folder, folder.readKeys()!),
    transport: http,
    http,
    nats: null,
    hosts: null,
    ...clocks,
    metrics: () => new Proxy({}, { get: () => () => {} }),
    newLinkId: () => '0'.repeat(16),
    onFatal() {},
    onFleetAhead() {},
    say() {},
    webhooks: { secrets: {}, cursors: { read: () => ({}), write() {}, async flush() {} } },
  } as unknown as ControlOptions)
  const get = async (path: string) => {
    const response = await control.fetch(new Request(`http://localhost${path}`))
    return { status: response.status, body: await response.json() }
  }
  const started = control.start()
  expect((await get('/livez')).status).toBe(200)
  for (const path of ['/readyz', '/v1/releases', '/agents/v1/clusters/eu-1/header']) {
    const { status, body } = await get(path)
    expect([path, status, body]).toMatchObject([path, 503, { code: 'control-starting' }])
  }
  go()
  await started
  expect((await get('/readyz')).status).toBe(200)
  expect((await get('/v1/releases')).status).toBe(401)
  await control.stop()
})
