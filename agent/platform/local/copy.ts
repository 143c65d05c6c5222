/**
 * One copy of a release: a child process that is probed, restarted when it dies, and stopped on demand.
 * Its standard input is a pipe that this process holds: when this process dies, however, the copy sees
 * the end of its input and leaves.
 *
 *   start ─▶ alive ─▶ ready ⇄ not ready ─▶ dead ─▶ (pause) ─▶ start
 *                └────── remove: not ready at once ─▶ SIGTERM after a moment ─▶ SIGKILL after a grace
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Say } from '#wire/log-line.ts'
import { type BackoffBounds, backoffMs } from '../../backoff.ts'
import { freePort } from '../../free-port.ts'
import { createProbe, type ProbeTiming, refused } from './probe.ts'

export interface CopyTiming extends ProbeTiming {
  readonly restart: BackoffBounds
  /** A life this long clears the count of deaths. */
  readonly healthyMs: number
  /** From the endpoint's removal until SIGTERM: agents learn of it first. */
  readonly removeDelayMs: number
  readonly removeGraceMs: number
  /** Grace when the whole cluster stops. */
  readonly stopGraceMs: number
  /** Not ready for longer than this is a trouble that operators are told of. */
  readonly slowMs: number
}

export const copyTiming: CopyTiming = {
  probeMs: 200,
  startMs: 50,
  probeTimeoutMs: 1_000,
  /** A refusal, or an answer that is not 2xx, counts at once; silence at the third time. */
  probeFailures: 3,
  restart: { firstMs: 100, mostMs: 10_000 },
  healthyMs: 10_000,
  removeDelayMs: 300,
  removeGraceMs: 32_000,
  stopGraceMs: 5_000,
  slowMs: 5_000,
}

export interface CopySettings {
  readonly release: string
  readonly index: number
  readonly version: string
  readonly program: string
  readonly host: string
  /** Port of a former life, or null. */
  readonly port: number | null
  readonly environment: Readonly<Record<string, string>>
  readonly timing: CopyTiming
  /** Something that `Copy` shows has changed. */
  readonly onChange: () => void
  readonly log: Say
}

export interface Copy {
  readonly release: string
  readonly index: number
  readonly version: string
  readonly program: string
  port(): number | null
  pid(): number | null
  ready(): boolean
  /** By `performance.now()`; null while it is not ready. */
  readySinceMs(): number | null
  /** Null while it is ready. */
  unreadySinceMs(): number | null
  /** Since it was ready last. */
  hasDied(): boolean
  restarts(): number
  /** Why it is not ready, as far as anybody knows: how it died last, or what its probe sees. */
  trouble(): string | null
  /** Takes it out of the endpoints now, ends it a moment later; resolves when the process is gone. */
  remove(): Promise<void>
  /** Ends it without the delay. */
  stop(): Promise<void>
}

export function startCopy(settings: CopySettings): Copy {
  const { release, index, version, program, host, timing, onChange, log } = settings
  const name = `${release}/${index}`
  const probe = createProbe({ host, timing, onResult: probed })
  let child: ChildProcess | null = null
  let port = settings.port
  let ready = false
  /** When it became ready, or ceased to be. */
  let sinceMs = performance.now()
  let wasReady = false
  let death = ''
  let seen = ''
  let restarts = 0
  let deaths = 0
  let ending = false
  let ended: Promise<void> = Promise.resolve()
  const wake = new AbortController()

  function probed(answer: boolean, what: string): void {
    if (ending) return
    const same = ready === answer && seen === what
    seen = what
    if (same) return
    setReady(answer)
    wasReady ||= answer
    if (answer) death = ''
    onChange()
  }

  function setReady(next: boolean): void {
    if (next !== ready) sinceMs = performance.now()
    ready = next
  }

  async function live(): Promise<void> {
    while (!ending) {
      port ??= await freePort(host)
      if (ending) return
      const bornMs = performance.now()
      wasReady = false
      const how = await oneLife(port)
      setReady(false)
      seen = ''
      death = `ended by ${how}`
      deaths = performance.now() - bornMs >= timing.healthyMs ? 1 : deaths + 1
      onChange()
      if (ending) return
      restarts++
      // Perhaps somebody else has taken the port while the copy was away.
      if (!wasReady) port = null
      const pauseMs = backoffMs(deaths, timing.restart, Math.random())
      log('copy-died', `${name} ended by ${how}`, { how, pauseMs: Math.round(pauseMs) })
      await delay(pauseMs, undefined, { signal: wake.signal }).catch(() => {})
    }
  }

  async function oneLife(onPort: number): Promise<string> {
    const one = spawn(process.execPath, [program], {
      stdio: ['pipe', 'inherit', 'inherit'],
      env: {
        ...process.env,
        ...settings.environment,
        HOST: host,
        PORT: String(onPort),
        COPY: String(index),
      },
    })
    child = one
    one.stdin?.on('error', () => {})
    onChange()
    probe.start(onPort)
    const how = await new Promise<string>((resolve) => {
      one.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
      one.once('error', (error) => resolve(error.message))
    })
    probe.stop()
    child = null
    return how
  }

  async function end(delayMs: number, graceMs: number): Promise<void> {
    wake.abort()
    if (delayMs > 0 && child) await delay(delayMs)
    child?.kill('SIGTERM')
    const killer = setTimeout(() => {
      log('copy-killed', `${name} did not end within ${graceMs} ms of SIGTERM: killing it`)
      child?.kill('SIGKILL')
    }, graceMs)
    await life
    clearTimeout(killer)
  }

  function finish(delayMs: number, graceMs: number): Promise<void> {
    if (!ending) {
      ending = true
      setReady(false)
      onChange()
      ended = end(delayMs, graceMs)
    }
    return ended
  }

  const life = live()
  return {
    release,
    index,
    version,
    program,
    port: () => port,
    pid: () => child?.pid ?? null,
    ready: () => ready,
    readySinceMs: () => (ready ? sinceMs : null),
    unreadySinceMs: () => (ready ? null : sinceMs),
    hasDied: () => death !== '',
    restarts: () => restarts,
    trouble() {
      if (ready) return null
      // No count: whoever follows it would be told the same again at each death.
      const times = deaths > 1 ? ', again and again' : ''
      const answered = seen !== '' && seen !== refused
      if (death && !answered) return `${name} ${death}${times}`
      const what = seen === '' ? 'it has not answered yet' : `/readyz on port ${port} ${seen}`
      return `${name} is not ready: ${what}`
    },
    remove: () => finish(timing.removeDelayMs, timing.removeGraceMs),
    async stop() {
      const whole = finish(0, timing.stopGraceMs)
      child?.kill('SIGTERM')
      const killer = setTimeout(() => child?.kill('SIGKILL'), timing.stopGraceMs)
      await whole
      clearTimeout(killer)
    },
  }
}
