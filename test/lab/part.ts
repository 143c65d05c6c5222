/**
 * One part of a lab: a program that runs inside its namespaces until it is stopped, its output in a log file.
 * A part that ends unasked is reported with the end of its log, because everything after it would only time
 * out.
 */
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { logTail } from '../../deploy/local/child.ts'
import type { Namespaces } from './namespaces.ts'

export interface PartPlan {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface Part {
  readonly name: string
  readonly logFile: string
  readonly running: boolean
  start(): void
  /** SIGTERM, then SIGKILL after `withinMs`. */
  stop(withinMs?: number): Promise<void>
  kill(): Promise<void>
  /** Why it does not run: null while it does. */
  failure(): string | null
}

export class PartFailed extends Error {
  override readonly name = 'PartFailed'
}

export function createPart(
  plan: PartPlan,
  namespaces: Namespaces,
  folder: string,
  /** It ended without having been told to. */
  onDeath: (part: Part) => void = () => {},
): Part {
  const logFile = join(folder, 'logs', `${plan.name}.log`)
  let child: ChildProcess | null = null
  let ended: Promise<void> = Promise.resolve()
  let how: string | null = 'was not started'
  let told = false

  const end = async (signal: NodeJS.Signals) => {
    told = true
    child?.kill(signal)
    await ended
  }

  const part: Part = {
    name: plan.name,
    logFile,
    get running() {
      return how === null
    },
    start() {
      if (how === null) return
      const log = openSync(logFile, 'a')
      const one = namespaces.run(plan.command, plan.args, {
        stdio: ['ignore', log, log],
        // Out of reach of Ctrl-C, which is for whoever holds the lab.
        detached: true,
        env: { ...process.env, TMPDIR: join(folder, 'tmp'), ...plan.env },
      })
      closeSync(log)
      how = null
      told = false
      child = one
      ended = new Promise((resolve) => {
        one.once('exit', (code, signal) => {
          how = `ended with ${signal ?? `exit code ${code}`}`
          resolve()
          if (!told) onDeath(part)
        })
        one.once('error', (error) => {
          how = `could not be started: ${error.message}`
          resolve()
        })
      })
    },
    async stop(withinMs = 10_000) {
      told = true
      child?.kill('SIGTERM')
      const inTime = await Promise.race([ended.then(() => true), delay(withinMs, false)])
      if (!inTime) await end('SIGKILL')
    },
    kill: () => end('SIGKILL'),
    failure: () => how,
  }
  return part
}

/** Polls until `ready`; fails early when one of `parts` ends, and late with the end of their logs. */
export async function untilPartsReady(
  what: string,
  parts: readonly Part[],
  ready: () => Promise<boolean>,
  withinMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + withinMs
  let last: unknown = null
  for (;;) {
    signal?.throwIfAborted()
    for (const part of parts) {
      const failure = part.failure()
      if (failure) throw new PartFailed(`${part.name} ${failure}.${logTail(part)}`)
    }
    try {
      if (await ready()) return
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) {
      const logs = parts.map((part) => logTail(part)).join('')
      const seen = last instanceof Error ? ` (last: ${last.message})` : ''
      throw new PartFailed(`${what}: not within ${withinMs} ms${seen}.${logs}`)
    }
    await delay(50, undefined, { signal })
  }
}
