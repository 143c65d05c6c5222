/**
 * The pilot's end of the link: what each worker shall serve, what it says it serves, and what was sent to
 * make the two equal. A worker counts as up to date only by its own word, read from its memory.
 */
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { Say } from '#wire/log-line.ts'
import {
  type Endpoints,
  linkLine,
  linkReader,
  type PilotMessage,
  type Usage,
  type WorkerMessage,
} from '../../link.ts'
import type { TableFile } from '../disk/last-known-good.ts'
import { createEndpointLines } from '../endpoints/lines.ts'
import type { Positions } from '../positions.ts'
import { createUsageSum } from './usage.ts'

export type Serving = Extract<WorkerMessage, { type: 'serving' }>
type ServingEndpoints = Extract<WorkerMessage, { type: 'serving-endpoints' }>

/** What every worker shall serve. Parts are compared by identity: a changed part is a new object. */
export interface Want {
  readonly table: TableFile | null
  readonly positions: Positions
  readonly endpoints: Endpoints
  readonly ready: boolean
}

export interface WorkerView {
  readonly pid: number | null
  /** Null until it has said it. */
  readonly serving: Serving | null
  /** In words, what differs from what it shall serve; null when nothing does. */
  readonly differs: string | null
  /** It differs although it had the time to be equal. */
  readonly drifting: boolean
}

export interface Workers {
  listen(): Promise<void>
  set(want: Want): void
  views(): readonly WorkerView[]
  /** Every worker that is connected says that it has these very endpoints, and there is one. */
  haveEndpoints(): boolean
  /** Workers that have lost the link but live: nobody knows what they serve. */
  lostCount(): number
  usage(): Usage
  close(): Promise<void>
}

export interface WorkersOptions {
  readonly path: string
  /** Somebody connected, left, or serves something else than before. */
  readonly onChange: () => void
  readonly onUsage: () => void
  readonly onRefused: (digest: string, reason: string) => void
  readonly log: Say
  readonly timing?: WorkersTiming
}

export interface WorkersTiming {
  /** A worker that differs this long after it was told has drifted, and is told again. */
  readonly driftMs: number
  /** Each worker is asked this often what it serves. */
  readonly askEveryMs: number
}

export const workersTiming: WorkersTiming = { driftMs: 500, askEveryMs: 5_000 }

const workersMax = 256
const queuedBytesMax = 67_108_864
const tickMs = 100
const noPositions: Positions = new Map()

interface Connection {
  readonly socket: Socket
  readonly sinceMs: number
  serving: Serving | null
  sent: Partial<Want>
  sentMs: number
  /** When it was sent all endpoints, not only changes. */
  wholeMs: number
  /** It has drifted and has not been equal since: being told again does not end that. */
  drifted: boolean
  readySent: boolean | null
}

export function createWorkers(options: WorkersOptions): Workers {
  const { path, onChange, onUsage, onRefused, log, timing = workersTiming } = options
  const connections = new Set<Connection>()
  const lost = new Set<number>()
  const usage = createUsageSum()
  const endpointsLine = createEndpointLines()
  /** Grows with each change of endpoints. Of no former pilot, whose word a worker may still repeat. */
  let endpointsNumber = Date.now()
  let want: Want = { table: null, positions: noPositions, endpoints: {}, ready: false }

  const server = createServer((socket) => {
    if (connections.size >= workersMax) return socket.destroy()
    const connection: Connection = {
      socket,
      sinceMs: performance.now(),
      serving: null,
      sent: {},
      sentMs: 0,
      wholeMs: 0,
      drifted: false,
      readySent: null,
    }
    connections.add(connection)
    const read = linkReader<WorkerMessage>((message) => receive(connection, message))
    socket.on('data', (chunk: Buffer) => {
      try {
        read(chunk)
      } catch (error) {
        socket.destroy(error as Error)
      }
    })
    socket.on('error', (error) =>
      log('link-broken', `the link to worker ${pidOf(connection)} broke: ${error.message}`),
    )
    socket.on('close', () => {
      connections.delete(connection)
      const pid = connection.serving?.pid
      if (pid !== undefined) lost.add(pid)
      forgetDead()
      onChange()
    })
  })

  function receive(connection: Connection, message: WorkerMessage): void {
    if (message.type === 'usage') {
      if (connection.serving) usage.set(connection.serving.pid, message.usage)
      onUsage()
    } else if (message.type === 'refused') {
      onRefused(message.digest, message.reason)
    } else {
      const serving = message.type === 'serving' ? message : withChange(connection, message)
      connection.serving = serving
      if (difference(serving, want) === null) connection.drifted = false
      lost.delete(serving.pid)
      bring(connection)
      onChange()
    }
  }

  /** Sends what differs and has not been sent yet, in one write: table and positions change together. */
  function bring(connection: Connection): void {
    const { serving, sent, socket } = connection
    if (!serving) return
    const messages: PilotMessage[] = []
    const endpoints = endpointsLine(sent.endpoints, want.endpoints, endpointsNumber)
    if (endpoints !== null && sent.endpoints === undefined) connection.wholeMs = performance.now()
    if (want.table && sent.table !== want.table && serving.tableDigest !== want.table.digest) {
      messages.push({ type: 'table', file: want.table.file, digest: want.table.digest })
    }
    if (sent.positions !== want.positions) {
      const known = sent.positions ?? noPositions
      const changed = [...want.positions.values()].filter((one) => known.get(one.app) !== one)
      if (changed.length > 0) messages.push({ type: 'positions', positions: changed })
    }
    if (endpoints !== null || messages.length > 0) connection.sentMs = performance.now()
    connection.sent = { ...want }
    // Not before it serves what it shall: "ready" is a word about that.
    if (connection.readySent !== want.ready && difference(serving, want) === null) {
      connection.readySent = want.ready
      messages.push({ type: 'ready', ready: want.ready })
    }
    const lines = `${endpoints ?? ''}${messages.map(linkLine).join('')}`
    if (lines === '') return
    if (socket.writableLength > queuedBytesMax) socket.destroy()
    else socket.write(lines)
  }

  function forgetDead(): boolean {
    const dead = [...lost].filter((pid) => !isAlive(pid))
    for (const pid of dead) {
      lost.delete(pid)
      usage.retire(pid)
    }
    return dead.length > 0
  }

  /** Time's part: drift is told again, silence is asked, lost workers that died are forgotten. */
  function tick(): void {
    const nowMs = performance.now()
    if (forgetDead()) onChange()
    for (const connection of connections) {
      const { serving, sinceMs, sentMs, wholeMs, socket } = connection
      const waitedMs = nowMs - Math.max(sinceMs, sentMs)
      if (!serving) {
        if (waitedMs > 4 * timing.driftMs) socket.destroy(new Error('it says nothing'))
      } else if (difference(serving, want) !== null && waitedMs > timing.driftMs) {
        connection.drifted = true
        connection.sent = {}
        bring(connection)
        onChange()
      } else if (nowMs - Math.max(sinceMs, wholeMs) > timing.askEveryMs) {
        ask(connection)
      }
    }
  }

  /** Every message is answered with what is served; whole endpoints mend addresses that nobody counts. */
  function ask(connection: Connection): void {
    const { endpoints: _, ...sent } = connection.sent
    connection.sent = sent
    bring(connection)
  }
  const ticking = setInterval(tick, tickMs)

  return {
    async listen() {
      rmSync(path, { force: true })
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(path, resolve)
      })
      chmodSync(path, 0o600)
    },
    set(next) {
      if (next.endpoints !== want.endpoints) endpointsNumber++
      want = next
      for (const connection of connections) bring(connection)
    },
    views() {
      const nowMs = performance.now()
      return [...connections].map(({ serving, sinceMs, sentMs, drifted }) => {
        const differs = serving ? difference(serving, want) : 'has not said what it serves'
        const waitedMs = nowMs - Math.max(sinceMs, sentMs)
        return {
          pid: serving?.pid ?? null,
          serving,
          differs,
          drifting: differs !== null && (drifted || waitedMs > timing.driftMs),
        }
      })
    },
    haveEndpoints: () =>
      connections.size > 0 &&
      [...connections].every(({ serving }) => serving?.endpointsNumber === endpointsNumber),
    lostCount: () => lost.size,
    usage: () => usage.total(),
    async close() {
      clearInterval(ticking)
      for (const { socket } of connections) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/**
 * What a worker serves against what it shall serve, in words; null when it is the same. Apps and releases that the
 * table does not hold, it cannot serve. Asked for at every word of every worker: it makes no lists.
 */
function difference(serving: Serving, { table, positions, endpoints }: Want): string | null {
  if (table === null) return null
  if (serving.tableDigest !== table.digest) {
    return `table ${serving.tableDigest.slice(0, 12)} instead of ${table.digest.slice(0, 12)}`
  }
  for (const app of table.apps) {
    const generation = positions.get(app)?.generation
    const at = serving.positions[app] ?? 0
    if (generation !== undefined && at !== generation)
      return `${app} at generation ${at} instead of ${generation}`
  }
  for (const release of table.releases) {
    const count = endpoints[release]?.length ?? 0
    const has = serving.endpoints[release] ?? 0
    if (has !== count) return `${has} endpoints of ${release} instead of ${count}`
  }
  return null
}

/** Its former word with this part of it anew. The record of a word is its connection's own, and changed in place. */
function withChange(
  { serving }: Connection,
  { endpoints, endpointsNumber }: ServingEndpoints,
): Serving {
  if (!serving) throw new Error('it has not said what it serves, only what has changed')
  return { ...serving, endpoints: Object.assign(serving.endpoints, endpoints), endpointsNumber }
}

const pidOf = ({ serving }: Connection) => serving?.pid ?? 'unknown'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
