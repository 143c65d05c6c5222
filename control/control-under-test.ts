/**
 * For tests: a real control plane in this process, on a state folder of its own and a real port, with a
 * small client that keeps what was answered.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogCode } from '#wire/log-codes.ts'
import type { LogFields } from '#wire/log-line.ts'
import { init } from './node/commands.ts'
import { openStateFolder, type StateFolder, stateFiles } from './node/folder.ts'
import { type Served, type ServeOptions, serve } from './node/serve.ts'

export interface Called {
  readonly status: number
  readonly headers: Headers
  // Tests look into answers of every shape.
  readonly body: Readonly<Record<string, never>> & { readonly [name: string]: unknown }
  readonly text: string
}

export interface CallOptions {
  /** The admin token when left out; null: none. */
  readonly token?: string | null
  readonly body?: unknown
  /** Sent as it is, instead of `body`. */
  readonly raw?: BodyInit
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface Said extends LogFields {
  readonly code: LogCode
  readonly text: string
}

export interface ControlUnderTest {
  readonly url: string
  readonly folder: StateFolder
  readonly served: Served
  readonly adminToken: string
  /** What it has written to its log. */
  readonly said: readonly Said[]
  enrolmentToken(cluster: string): string
  call(method: string, path: string, options?: CallOptions): Promise<Called>
  /** Position of the newest record. */
  head(): number
  /** Stops it and starts it again on the same folder, at the same port when it is given. */
  restart(port?: number): Promise<void>
  stop(): Promise<void>
}

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

async function call(
  url: string,
  adminToken: string,
  method: string,
  path: string,
  options: CallOptions,
): Promise<Called> {
  const token = options.token === undefined ? adminToken : options.token
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
      ...options.headers,
    },
    body: options.raw ?? (options.body === undefined ? null : JSON.stringify(options.body)),
    signal: options.signal ?? AbortSignal.timeout(10_000),
    duplex: 'half',
  } as RequestInit)
  const text = await response.text()
  const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : {},
    text,
  }
}

/** An app that runs nowhere: its addresses would be listed by agents. */
export const shop = {
  clusters: ['eu-1', 'us-1'],
  hosts: ['shop.example'],
  platform: { type: 'static' },
} as const
