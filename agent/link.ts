/**
 * The link between the pilot and a worker: newline-delimited JSON on a Unix socket that the pilot
 * listens on. The pilot sends what a worker lacks; the worker answers with what it really serves of it.
 * Both are processes of one agent and one version; the bound keeps a bug from growing memory.
 */

import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Split } from '#wire/object.ts'

/** Longest line either side accepts; endpoints of one backend are the biggest message. */
export const linkLineBytesMax = 4_194_304

/** What a position has become once it is applied: who answers, and what must be closed. */
export interface AppliedPosition {
  readonly app: string
  readonly generation: number
  readonly weights: readonly { readonly release: string; readonly weight: number }[]
  /** How users are split over several weights. */
  readonly split?: Split
  readonly close: readonly string[]
}

export interface Endpoint {
  /** IPv4 or IPv6 literal. */
  readonly address: string
  readonly port: number
}

/** Names an endpoint in a map. */
export const endpointName = ({ address, port }: Endpoint): string => `${address} ${port}`

/** Ready endpoints by release id. */
export type Endpoints = Readonly<Record<string, readonly Endpoint[]>>

/**
 * A record to change. One is made at each change of a release: of 500 releases it costs 60 kB like this, and 345 as a
 * spread, which V8 begins as an object with fixed properties.
 */
export function copyOf(endpoints: Endpoints): Record<string, readonly Endpoint[]> {
  const copy: Record<string, readonly Endpoint[]> = Object.create(null)
  for (const release in endpoints) copy[release] = endpoints[release]!
  return copy
}

export type PilotMessage =
  /** Load this table file (`router-wasm/encode.ts` made it) and answer with `serving`. */
  | { readonly type: 'table'; readonly file: string; readonly digest: string }
  | { readonly type: 'positions'; readonly positions: readonly AppliedPosition[] }
  /**
   * All that there are, or (`changed`) only releases whose endpoints are others than before; empty: none. The
   * worker answers with the `number`: to changes with what it serves of these releases.
   */
  | {
      readonly type: 'endpoints' | 'endpoints-changed'
      readonly number: number
      readonly endpoints: Endpoints
    }
  /** Ready may be answered from now on (P7): table and positions are the committed ones. */
  | { readonly type: 'ready'; readonly ready: boolean }

export type WorkerMessage =
  | {
      readonly type: 'serving'
      readonly pid: number
      /** SHA-256 of the table bytes in WASM memory, recomputed. */
      readonly tableDigest: string
      /** Generation by app, read back from WASM memory. */
      readonly positions: Readonly<Record<string, number>>
      /** Endpoint count by release, read back from WASM memory. */
      readonly endpoints: Readonly<Record<string, number>>
      /** Of the last message that brought endpoints; 0: those of the file. */
      readonly endpointsNumber: number
    }
  /** Of the releases of a change: each has so many endpoints now, read back from WASM memory, and the rest is as before. */
  | {
      readonly type: 'serving-endpoints'
      readonly endpoints: Readonly<Record<string, number>>
      readonly endpointsNumber: number
    }
  | { readonly type: 'refused'; readonly digest: string; readonly reason: string }
  | { readonly type: 'usage'; readonly usage: Usage }

/** Cumulative since the worker started, except `inUse`, which is now. */
export interface Usage {
  /** Exchanges in progress and tunnels, by release. */
  readonly inUse: Readonly<Record<string, number>>
  readonly requests: Readonly<Record<string, number>>
  /** Answered with 5xx or not whole, by release; left out: none. */
  readonly errors: Readonly<Record<string, number>>
  /** By reason: see `failureReasons` in worker/. */
  readonly failures: Readonly<Record<string, number>>
  readonly connections: number
}

/**
 * Files in an agent's state folder; the last-known-good that a worker starts from. `table` is what
 * `encode.ts` made; the other two are JSON, and what a worker reads of them is below.
 */
export const stateFiles = {
  table: 'table',
  positions: 'positions.json',
  endpoints: 'endpoints.json',
  controlKeys: 'control-keys.json',
  link: 'pilot.sock',
} as const

/** `positions.json`; the pilot keeps more beside it. */
export interface PositionsFile {
  readonly positions: readonly AppliedPosition[]
}

/** `endpoints.json` */
export interface EndpointsFile {
  readonly endpoints: Endpoints
}

/** `control-keys.json`: whose signature under a preview link counts. */
export interface ControlKeysFile {
  /** Raw, base64url. */
  readonly publicKeys: readonly string[]
}

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, the final zero included. */
const socketPathBytesMax = 100

/** Where the pilot listens: in the state folder or, when that path is too long, by its hash in the temporary folder. */
export function linkPath(stateFolder: string): string {
  const plain = join(resolve(stateFolder), stateFiles.link)
  if (Buffer.byteLength(plain) <= socketPathBytesMax) return plain
  const hash = createHash('sha256').update(plain).digest('hex').slice(0, 32)
  return join(tmpdir(), `switchyard-${hash}.sock`)
}

/** One message as the bytes of its line. */
export const linkLine = (message: PilotMessage | WorkerMessage): string =>
  `${JSON.stringify(message)}\n`

/**
 * Turns received bytes into messages, in order. Throws on a line that is too long or not JSON: the
 * caller destroys the socket, and the next connection starts afresh.
 */
export function linkReader<Message>(onMessage: (message: Message) => void) {
  let parts: Buffer[] = []
  let heldBytes = 0
  return (chunk: Buffer): void => {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(10, start)
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end)
      heldBytes += piece.length
      if (heldBytes > linkLineBytesMax) throw new RangeError('a line of the link is too long')
      if (end < 0) {
        if (piece.length > 0) parts.push(piece)
        return
      }
      const line = parts.length === 0 ? piece : Buffer.concat([...parts, piece])
      parts = []
      heldBytes = 0
      start = end + 1
      onMessage(JSON.parse(line.toString('utf8')) as Message)
    }
  }
}
