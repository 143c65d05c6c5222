/**
 * A control plane that sleeps reads reports where they are stored, once something wakes it. So a report that
 * it may be waiting for goes to control itself too, the same bytes (DESIGN D4): an answer to a switch at once;
 * drift, a refusal, and what could not be stored a moment later. One is under way at a time, the newest
 * waits, and pauses grow while control does not answer: no outage makes a storm of them.
 */
import type { Say } from '#wire/log-line.ts'
import type { Report } from '#wire/report.ts'
import { backoffMs } from '../../backoff.ts'
import { reasonOf } from '../../reason.ts'
import type { Session } from '../session/session.ts'

export interface WakingOptions {
  /** To control itself. */
  readonly post: Session['report']
  readonly log: Say
}

export interface Waking {
  /** The newest report, as it goes to where reports are stored. */
  take(report: Report, bytes: Uint8Array): void
  /** Whether the newest one was stored. */
  stored(isStored: boolean): void
  stop(): Promise<void>
}

const callMs = 5_000
/** A whole fleet may have the same news. */
const newsWithinMs = 1_000
const retry = { firstMs: 1_000, mostMs: 30_000 }

export function createWaking({ post, log }: WakingOptions): Waking {
  const stopping = new AbortController()
  let newest: (Words & { readonly sequence: number; readonly bytes: Uint8Array }) | null = null
  /** What control was told last; null: nothing in this life. */
  let told: Words | null = null
  let failures = 0
  let notStored = 0
  let posting: Promise<void> | null = null
  let timer: NodeJS.Timeout | null = null
  let answersFromMs = 0
  let newsFromMs = 0

  function look(): void {
    if (!newest || posting || stopping.signal.aborted) return
    const isAnswer = told !== null && newest.answers !== told.answers
    if (!isAnswer && newest.news === told?.news && notStored === 0) return
    if (timer && !isAnswer) return
    if (timer) clearTimeout(timer)
    const jitterMs = isAnswer ? 0 : newsWithinMs * Math.random()
    const fromMs = isAnswer ? answersFromMs : Math.max(answersFromMs, newsFromMs)
    timer = setTimeout(send, Math.max(jitterMs, fromMs - performance.now()))
  }
  function send(): void {
    timer = null
    posting = sendNewest().finally(() => {
      posting = null
      look()
    })
  }
  async function sendNewest(): Promise<void> {
    const { answers, news, bytes } = newest!
    try {
      await post(bytes, AbortSignal.any([stopping.signal, AbortSignal.timeout(callMs)]))
      told = { answers, news }
      failures = 0
      // What cannot be stored reaches control at growing pauses.
      if (notStored > 0) newsFromMs = after(notStored)
    } catch (error) {
      if (stopping.signal.aborted) return
      if (failures++ === 0) log('report-late', `control was not woken: ${reasonOf(error)}`)
      answersFromMs = after(failures)
    }
  }

  return {
    take(report, bytes) {
      const { sequence } = report
      if (newest && sequence < newest.sequence) return
      newest = { ...wordsOf(report), sequence, bytes }
      look()
    },
    stored(isStored) {
      notStored = isStored ? 0 : notStored + 1
      if (isStored) newsFromMs = 0
      look()
    },
    async stop() {
      if (timer) clearTimeout(timer)
      stopping.abort()
      await posting
    },
  }
}

const after = (attempts: number) => performance.now() + backoffMs(attempts, retry, Math.random())

interface Words {
  readonly answers: string
  readonly news: string
}

function wordsOf({ positions, drift, refusals }: Report): Words {
  const answers = Object.entries(positions).map(([app, { prepared, active }]) => [
    app,
    prepared,
    active,
  ])
  const refused = refusals.map(({ code, revision }) => [code, revision])
  return { answers: JSON.stringify(answers), news: JSON.stringify([drift !== null, refused]) }
}
