/**
 * A NATS server of our own for a local fleet and for tests: found or built, configured with one user and
 * the least permissions per cluster, run as a child process.
 *
 *   <state>/nats/                  the streams; may be wiped or rolled back while stopped
 *   <state>/nats-users.json 0600   credentials, as control reads them
 *   <state>/nats.conf       0600   the server's configuration
 *   <state>/nats.log               its log
 *
 *   node deploy/local/nats.ts --state <folder> --port <port> --cluster eu-1 --cluster us-1
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type NatsCredentials, natsCredentials } from '../../control/delivery/nats-credentials.ts'
import {
  completeCredentials,
  type Leaf,
  leafConfig,
  type ServerPlace,
  serverConfig,
} from '../nats/config.ts'
import { findNatsServer } from './nats-server.ts'

export interface LocalNatsOptions extends ServerOptions {
  readonly clusters: readonly string[]
  /** Clusters with a leaf of their own, and the port where leaves connect. */
  readonly leaves?: { readonly clusters: readonly string[]; readonly port: number }
}

export interface ServerOptions {
  readonly stateFolder: string
  readonly port: number
  readonly say?: (line: string) => void
  /** Gives the start up; what was started is ended. */
  readonly signal?: AbortSignal
}

export interface LocalNats {
  /** `nats://127.0.0.1:<port>` */
  readonly servers: string
  readonly credentialsFile: string
  readonly storeFolder: string
  readonly pid: number
  /** Resolves with the exit code when the server has ended, whoever ended it. */
  readonly ended: Promise<number | null>
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>
}

export const natsFiles = {
  store: 'nats',
  credentials: 'nats-users.json',
  config: 'nats.conf',
  log: 'nats.log',
} as const

const startWithinMs = 15_000
const stopWithinMs = 5_000

/** Resolves when the server accepts connections. Passwords are kept from a former start. */
export async function startNats(options: LocalNatsOptions): Promise<LocalNats> {
  const { clusters, leaves } = options
  const file = join(resolve(options.stateFolder), natsFiles.credentials)
  mkdirSync(resolve(options.stateFolder), { recursive: true, mode: 0o700 })
  const credentials = keepCredentials(file, clusters, leaves?.clusters)
  const leafListen = leaves && `127.0.0.1:${leaves.port}`
  return runServer(options, (place) =>
    serverConfig({ ...place, ...(leafListen && { leafListen }) }, credentials),
  )
}

/** A cluster's leaf of such a server; it starts whether the hub is there or not. */
export const startLeaf = (options: ServerOptions, leaf: Leaf): Promise<LocalNats> =>
  runServer(options, (place) => leafConfig(place, leaf))

export async function runServer(
  options: ServerOptions,
  configure: (place: ServerPlace) => string,
): Promise<LocalNats> {
  const state = resolve(options.stateFolder)
  const file = (name: keyof typeof natsFiles) => join(state, natsFiles[name])
  const program = await findNatsServer(options.say, options.signal)
  options.signal?.throwIfAborted()
  mkdirSync(file('store'), { recursive: true, mode: 0o700 })
  const { port } = options
  const name = `switchyard-${randomBytes(8).toString('hex')}`
  const place = {
    name,
    listen: `127.0.0.1:${port}`,
    storeFolder: file('store'),
    logFile: file('log'),
  }
  writeFileSync(file('config'), configure(place), { mode: 0o600 })

  const child = spawn(program, ['--config', file('config')], { stdio: 'ignore' })
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code))
    child.once('error', () => resolve(null))
  })
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
    await ended
    clearTimeout(late)
  }
  try {
    await untilGreets(port, name, child, options.signal)
  } catch (cause) {
    await end('SIGKILL')
    throw new Error(`nats-server did not start; the end of ${file('log')}:\n${tail(file('log'))}`, {
      cause,
    })
  }
  return {
    servers: `nats://127.0.0.1:${port}`,
    credentialsFile: file('credentials'),
    storeFolder: file('store'),
    pid: child.pid!,
    ended,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

/** Reads the credentials and adds what is missing. */
function keepCredentials(
  file: string,
  clusters: readonly string[],
  leaves?: readonly string[],
): NatsCredentials {
  const kept = existsSync(file)
    ? natsCredentials.parse(JSON.parse(readFileSync(file, 'utf8')))
    : null
  const credentials = completeCredentials(kept, clusters, leaves)
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 })
  return credentials
}

async function untilGreets(
  port: number,
  name: string,
  child: ChildProcess,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + startWithinMs
  while (!(await greets(port, name))) {
    signal?.throwIfAborted()
    if (child.exitCode !== null || child.pid === undefined) throw new Error('it ended at once')
    if (performance.now() > deadline) throw new Error(`no connection in ${startWithinMs} ms`)
    await delay(20)
  }
}

/** A NATS server speaks first: `INFO {…}`, with its name. */
function greets(port: number, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.setTimeout(1_000, () => socket.destroy())
    socket.once('data', (bytes) => {
      resolve(bytes.toString('latin1').includes(name))
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

const tail = (file: string): string =>
  existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-20).join('\n') : ''

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      state: { type: 'string' },
      port: { type: 'string' },
      cluster: { type: 'string', multiple: true },
    },
  })
  const { state, port, cluster: clusters = [] } = values
  if (!state || !port || clusters.length === 0) {
    console.error('use: nats.ts --state <folder> --port <port> --cluster <name> …')
    process.exit(2)
  }
  const say = (line: string) => console.log(line)
  /** Whoever started this may go away at any moment, also while the server is being built. */
  const asked = new AbortController()
  const stop = () => asked.abort()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
  process.on('disconnect', stop)
  if (process.connected === false) stop() // it went away before anybody listened
  const { signal } = asked
  try {
    const options = { stateFolder: state, port: Number(port), clusters, say, signal }
    const nats = await startNats(options)
    say(`NATS listens on ${nats.servers}`)
    signal.addEventListener('abort', () => void nats.stop())
    if (signal.aborted) await nats.stop()
    const code = await nats.ended
    if (!signal.aborted) throw new Error(`nats-server ended by itself with ${code}`)
  } catch (error) {
    if (!signal.aborted) throw error
  }
  process.exit(0)
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  })
}
