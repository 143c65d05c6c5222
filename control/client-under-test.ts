/** For tests: a small client of a control plane under test that keeps what was answered, on any runtime. */
import type { LogCode } from '#wire/log-codes.ts'
import type { LogFields } from '#wire/log-line.ts'
import type { StateFolder } from './node/folder.ts'
import type { Served } from './node/serve.ts'

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
  /** A text that it keeps beside the log, as it is now. */
  kept(name: string): Promise<string | null>
  /** Everything that a call could leave behind but webhook cursors, which tell of what happened before it. */
  traces(): Promise<unknown>
  call(method: string, path: string, options?: CallOptions): Promise<Called>
  /** Position of the newest record. */
  head(): number
  /** Stops it and starts it again on the same folder, at the same port when it is given. */
  restart(port?: number): Promise<void>
  stop(): Promise<void>
}

export async function call(
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
