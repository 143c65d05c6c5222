/**
 * The supervisor: owns the bound sockets, forks the pilot and the workers, and forks them again when they
 * die. The sockets outlive every worker, so that connections wait in the kernel and none is refused.
 * It parses nothing foreign: nothing that a client or control sends can crash it.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { BoundSocket } from 'node:net'
import type { Say } from '#wire/log-line.ts'
import type { ChildMessage, SupervisorMessage } from './child.ts'
import type { Address, AgentConfig } from './config.ts'
import { createAgentLog } from './log.ts'
import { type MainThread, mainThreadOf } from './main-thread.ts'

export interface SupervisorOptions {
  readonly pilotScript?: URL
  readonly workerScript?: URL
  /** A worker that is silent for this long, though it had a CPU, is hung and killed. */
  readonly hungAfterMs?: number
  /** What the system tells of a child. */
  readonly mainThread?: typeof mainThreadOf
  /** Bound of `stop`: what a worker gets to finish before it is killed. */
  readonly drainTimeoutMs?: number
  readonly log?: Say
}

export interface Supervisor {
  /** Bound addresses, with the real ports when 0 was asked for. */
  readonly listen: Address
  readonly probe: Address
  /** Resolves when every worker has accepted once. */
  readonly listening: Promise<void>
  pids(): { readonly pilot: number | null; readonly workers: readonly (number | null)[] }
  /** Drains the workers, then stops the pilot. The caller exits 0 afterwards; calling again is harmless. */
  stop(): Promise<void>
}

/**
 * Lists of a cluster's pods are garbage as soon as they are read. V8's default nursery of 16 MB keeps 50 MB more for
 * that, and its own rule of when the rest is collected another 80: 5,000 pods after 3,000 changes are 25 MB like this
 * and were 105 (`npm run bench:endpoints`), at the same delays.
 */
export const pilotNodeArgs = ['--max-semi-space-size=4', '--heap-growing-percent=25']
/** A request leaves little behind: 16 MB here are some 25 MB a worker and no time (`npm run bench:proxy`: 1.00 of it). */
export const workerNodeArgs = ['--max-semi-space-size=4']

const pilotStopMs = 5_000
const drainMs = 25_000
/** From SIGTERM to the end, at most: what a pod's grace period has to leave it. */
export const podGraceMs = drainMs + pilotStopMs
/** Until its first word a child may take this long: a crowded machine starts slowly. */
const startWithinMs = 30_000
/** A child that has got less than this share of a CPU in its silence, and waits for more, is starved and not hung. */
const starvedShare = 0.2
const starvedMostMs = 30_000
const lookAgainMs = 500
/** A life shorter than this counts as a repeated death. */
const healthyLifeMs = 5_000
const backoffMs = (deaths: number) => (deaths <= 1 ? 0 : Math.min(5_000, 50 * 2 ** (deaths - 2)))

export function startSupervisor(config: AgentConfig, options: SupervisorOptions = {}): Supervisor {
  const {
    pilotScript = new URL('./pilot/pilot.ts', import.meta.url),
    workerScript = new URL('./worker/worker.ts', import.meta.url),
    hungAfterMs = 5_000,
    mainThread = mainThreadOf,
    drainTimeoutMs = drainMs,
    log = createAgentLog('agent', config),
  } = options

  const listen = bind(config.listen)
  const probe = bind(config.probe)
  const bound = { ...config, listen: listen.address, probe: probe.address }
  const argument = JSON.stringify(bound)
  const { host, port } = listen.address
  log('agent-started', `takes traffic on ${host}:${port}`, {
    listen: `${host}:${port}`,
    workers: config.workers,
  })

  const pilot = keepAlive({
    name: 'pilot',
    script: pilotScript,
    argument,
    nodeArgs: pilotNodeArgs,
    fds: [],
    mainThread,
    log,
  })
  const workers = Array.from({ length: config.workers }, (_, index) =>
    keepAlive({
      name: `worker ${index}`,
      script: workerScript,
      argument,
      nodeArgs: workerNodeArgs,
      fds: [listen.socket.fd(), probe.socket.fd()],
      hungAfterMs,
      mainThread,
      log,
    }),
  )

  let stopped: Promise<void> | null = null
  const stop = async () => {
    // The workers' copies keep accepting; with ours gone, the last worker's close refuses at once.
    listen.socket.close()
    probe.socket.close()
    await Promise.all(workers.map((worker) => worker.stop(drainTimeoutMs)))
    await pilot.stop(pilotStopMs)
  }

  return {
    listen: listen.address,
    probe: probe.address,
    listening: Promise.all(workers.map((worker) => worker.listening)).then(() => {}),
    pids: () => ({ pilot: pilot.pid(), workers: workers.map((worker) => worker.pid()) }),
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

function bind(address: Address): { socket: BoundSocket; address: Address } {
  const socket = new BoundSocket({ host: address.host, port: address.port })
  const { port } = socket.address() as { port: number }
  return { socket, address: { host: address.host, port } }
}

interface Kept {
  readonly listening: Promise<void>
  pid(): number | null
  stop(timeoutMs: number): Promise<void>
}

interface KeptOptions {
  readonly name: string
  readonly script: URL
  readonly argument: string
  readonly nodeArgs: readonly string[]
  readonly fds: readonly number[]
  readonly hungAfterMs?: number
  readonly mainThread: typeof mainThreadOf
  readonly log: Say
}

/** To kill a child that only lacks CPU would cut what it is answering, and mend nothing. */
const isStarved = (before: MainThread | null, now: MainThread | null, ms: number): boolean =>
  before !== null && now?.runnable === true && now.cpuMs - before.cpuMs < ms * starvedShare

/** One child that is forked again when it dies: at once, and with a growing pause when it keeps dying. */
function keepAlive(options: KeptOptions): Kept {
  const { name, script, argument, nodeArgs, fds, hungAfterMs, mainThread, log } = options
  const heard = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  let child: ChildProcess | null = null
  let deaths = 0
  let stopping = false
  let restart: NodeJS.Timeout | null = null

  const start = () => {
    restart = null
    const bornMs = performance.now()
    let watchdog: NodeJS.Timeout | null = null
    const one = fork(script, [argument], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...fds],
      execArgv: [...nodeArgs],
    })
    child = one
    const watch = (silentMs = hungAfterMs) => {
      if (silentMs === undefined || hungAfterMs === undefined) return
      if (watchdog) clearTimeout(watchdog)
      const before = readThread()
      const sinceMs = performance.now()
      const look = () => {
        const ms = Math.round(performance.now() - sinceMs)
        if (ms < starvedMostMs && isStarved(before, readThread(), ms)) {
          watchdog = setTimeout(look, lookAgainMs)
          return
        }
        log('child-hung', `${name} has been silent for ${ms} ms: killing it`, {
          child: name,
          childPid: one.pid,
          ms,
        })
        one.kill('SIGKILL')
      }
      // Who had no CPU itself has not read yet what it was sent: it looks once more.
      watchdog = setTimeout(() => {
        watchdog = setTimeout(look, lookAgainMs)
      }, silentMs)
    }
    const readThread = () => (one.pid === undefined ? null : mainThread(one.pid))
    watch(startWithinMs)
    one.on('message', (message) => {
      watch()
      if ((message as ChildMessage).type === 'listening') heard.resolve()
    })
    let over = false
    const ended = (how: string) => {
      if (over) return
      over = true
      if (watchdog) clearTimeout(watchdog)
      child = null
      if (stopping) return gone.resolve()
      deaths = performance.now() - bornMs < healthyLifeMs ? deaths + 1 : 1
      const pauseMs = backoffMs(deaths)
      const facts = { child: name, childPid: one.pid, how, pauseMs }
      log('child-ended', `${name} ended by ${how}; again in ${pauseMs} ms`, facts)
      restart = setTimeout(start, pauseMs)
    }
    one.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`))
    // Without a pid the fork itself failed; otherwise a message met a dying child, whose exit says it.
    one.on('error', (error) => one.pid === undefined && ended(error.message))
  }
  start()

  const stop = async (timeoutMs: number) => {
    stopping = true
    if (restart) clearTimeout(restart)
    const last = child
    if (!last) return
    const order: SupervisorMessage = { type: 'stop' }
    if (last.connected) last.send(order, () => {})
    else last.kill('SIGTERM')
    const killer = setTimeout(() => {
      const facts = { child: name, childPid: last.pid, ms: timeoutMs }
      log('child-killed', `${name} did not finish in ${timeoutMs} ms: killing it`, facts)
      last.kill('SIGKILL')
    }, timeoutMs)
    await gone.promise
    clearTimeout(killer)
  }

  return { listening: heard.promise, pid: () => child?.pid ?? null, stop }
}
