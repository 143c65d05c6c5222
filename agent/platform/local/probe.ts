/** Readiness of one copy: `GET /readyz` again and again, one at a time, over one kept connection. */
import { Agent, get } from 'node:http'

export interface ProbeTiming {
  /** From one conclusion to the next probe; until the first success, `startMs`. */
  readonly probeMs: number
  readonly startMs: number
  readonly probeTimeoutMs: number
  readonly probeFailures: number
}

/** What is seen of a process that does not listen (yet). */
export const refused = 'refuses the connection'

export interface Probe {
  start(port: number): void
  stop(): void
}

/** `onResult` hears every conclusion, also one that changes nothing, and in words what was seen. */
export function createProbe(options: {
  readonly host: string
  readonly timing: ProbeTiming
  readonly onResult: (ready: boolean, seen: string) => void
}): Probe {
  const { host, timing, onResult } = options
  let agent: Agent | null = null
  let timer: NodeJS.Timeout | null = null
  let life = 0
  let unanswered = 0
  let pauseMs = 0

  function probe(port: number, mine: number): void {
    let over = false
    const conclude = (result: boolean | 'unanswered', seen: string) => {
      if (over || mine !== life) return
      over = true
      unanswered = result === 'unanswered' ? unanswered + 1 : 0
      if (result === true) pauseMs = timing.probeMs
      timer = setTimeout(() => probe(port, mine), pauseMs)
      if (result !== 'unanswered') onResult(result, seen)
      else if (unanswered >= timing.probeFailures) onResult(false, seen)
    }
    const signal = AbortSignal.timeout(timing.probeTimeoutMs)
    const request = get({ host, port, path: '/readyz', agent: agent!, signal }, (response) => {
      response.resume()
      const status = response.statusCode ?? 0
      response.once('error', () => conclude('unanswered', 'broke off its answer'))
      response.once('end', () => conclude(status >= 200 && status < 300, `answers ${status}`))
    })
    request.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED'
        ? conclude(false, refused)
        : conclude('unanswered', 'does not answer'),
    )
  }

  return {
    start(port) {
      agent = new Agent({ keepAlive: true, maxSockets: 1 })
      unanswered = 0
      pauseMs = timing.startMs
      probe(port, ++life)
    },
    stop() {
      life++
      if (timer) clearTimeout(timer)
      agent?.destroy()
    },
  }
}
