/**
 * For tests: a real control plane in this process, on a state folder of its own and a real port, with a
 * small client that keeps what was answered.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf } from '#wire/digest.ts'
import {
  type Called,
  type CallOptions,
  type ControlUnderTest,
  call,
  type Said,
  shop,
} from './client-under-test.ts'
import { init } from './node/commands.ts'
import { openStateFolder, type StateFolder, stateFiles } from './node/folder.ts'
import { type ServeOptions, serve } from './node/serve.ts'

export type { Called, CallOptions, ControlUnderTest, Said }
export { shop }

const clocks = { now: Date.now, monotonicMs: () => performance.now() }

export async function startControl(
  clusters = ['eu-1', 'us-1'],
  more: Pick<ServeOptions, 'webhookTiming' | 'rates'> = {},
): Promise<ControlUnderTest> {
  const root = mkdtempSync(join(tmpdir(), 'switchyard-control-'))
  const folder = openStateFolder(join(root, 'state'))
  await init({ folder, ...clocks, wrapLog: (log) => log }, clusters)
  const token = (name: string) => folder.read(name)!.trim()
  const start = (port = 0) =>
    serve({
      folder,
      listen: { host: '127.0.0.1', port },
      hosts: [],
      nats: null,
      step: () => {},
      ...more,
      say: (code, text, fields) => said.push({ code, text, ...fields }),
      onFatal: (error) => {
        throw error
      },
    })
  const said: Said[] = []
  let served = await start()
  const adminToken = token(stateFiles.adminToken)
  return {
    get url() {
      return served.url
    },
    get served() {
      return served
    },
    folder,
    said,
    adminToken,
    enrolmentToken: (cluster) => token(stateFiles.enrolmentToken(cluster)),
    kept: async (name) => folder.read(name),
    traces: async () => ({ state: served.control.turns.state(), files: filesOf(folder) }),
    call: (method, path, options = {}) => call(served.url, adminToken, method, path, options),
    head: () => served.control.turns.state().position,
    async restart(port) {
      await served.stop()
      served = await start(port)
    },
    async stop() {
      await served.stop()
      rmSync(root, { recursive: true })
    },
  }
}

/** By name, what is in them. */
const filesOf = ({ path }: StateFolder): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith(stateFiles.webhookCursors.replace(/\.json$/, '')))
      .filter((name) => statSync(join(path, name)).isFile() && !/-(wal|shm)$/.test(name))
      .sort()
      .map((name) => [name, digestOf(readFileSync(join(path, name), 'latin1'))]),
  )
