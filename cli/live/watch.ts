/**
 * The live view of a release: reads it again at each event of the log and, as a net, every two seconds;
 * draws it in place on a terminal and prints a line a change elsewhere. It only watches: Ctrl-C, a lost
 * connection or the end of its time leave the release going on.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Release } from '../answers.ts'
import { ready, release as releaseShape } from '../answers.ts'
import type { Ending } from '../exit-codes.ts'
import { Failure } from '../failure.ts'
import type { Session } from '../session.ts'
import { understood } from '../session.ts'
import { durationWords } from '../times.ts'
import { follow } from './follow.ts'
import { frameOf } from './frame.ts'
import { type Goal, type Outcome, outcomeOf } from './outcome.ts'
import { createRedraw } from './redraw.ts'
import { lineOf } from './words.ts'

export interface WatchOptions {
  readonly id: string
  readonly until: Goal
  /** Waits through what only a person can decide. */
  readonly patient: boolean
  /** Null: as long as it takes. */
  readonly timeoutMs: number | null
}

interface Seen {
  /** As control gave it, for `-o json`. */
  readonly answer: unknown
  readonly view: Release
  /** Why the newest state is not known; null: it is. */
  readonly lost: string | null
}

const pollMs = 2_000
/** Events come in bursts; at most so often is it read again. */
const readEveryMs = 50
/** What agents and copies report is not in the log: on a terminal it is looked at this often. */
const redrawMs = 500

/** Resolves when the goal is reached; everything else is a `Failure` with its own exit code. */
export async function watchRelease(session: Session, options: WatchOptions): Promise<void> {
  const { desk } = session
  const startedMs = desk.nowMs()
  const deadlineMs =
    options.timeoutMs === null ? Number.POSITIVE_INFINITY : startedMs + options.timeoutMs
  const structured = session.format === 'json' || session.format === 'yaml'
  const inPlace = desk.out.columns() !== null && !structured
  const redraw = createRedraw(desk.out)
  const ended = new AbortController()
  const signal = AbortSignal.any([desk.interrupted, ended.signal])
  let wake = new AbortController()
  let printed = ''

  const path = `/v1/releases/${encodeURIComponent(options.id)}`
  const { revision } = await session.read(ready, '/readyz')
  const read = async (): Promise<Seen> => {
    const answer = await session.client.get(path)
    return { answer, view: understood(releaseShape, answer, `GET ${path}`), lost: null }
  }
  let seen = await read()
  let refused = null as Failure | null
  const following = follow({
    client: session.client,
    after: revision,
    signal,
    onMessage: () => wake.abort(),
    onLost: (lost) => {
      seen = { ...seen, lost }
      wake.abort()
    },
  }).catch((error: unknown) => {
    if (error instanceof Failure) refused = error
    wake.abort()
  })

  const show = (last = false) => {
    const { view, lost } = seen
    const elapsed = durationWords(desk.nowMs() - startedMs)
    if (inPlace) {
      const frame = frameOf(view, {
        window: desk.out.columns(),
        paint: session.paint,
        nowMs: desk.nowMs(),
      })
      const note = lost ? session.paint('red', `lost control: ${lost}; trying again`) : null
      const foot = session.paint('dim', `${elapsed} · Ctrl-C stops watching; the release goes on`)
      return redraw.draw([...frame, '', ...(note ? [note] : []), ...(last ? [] : [foot])])
    }
    const line = lost ? `lost control: ${lost}; trying again` : lineOf(view)
    if (line === printed) return
    printed = line
    const text = `${new Date(desk.nowMs()).toISOString()}  ${line}\n`
    if (structured) desk.err.write(text)
    else desk.out.write(text)
  }

  try {
    for (;;) {
      show()
      if (refused) throw refused
      const { view, lost } = seen
      const outcome = lost === null ? outcomeOf(view, options.until, options.patient) : null
      if (outcome && inPlace) show(true)
      if (outcome) return finish(session, seen, outcome, desk.nowMs() - startedMs)
      if (desk.interrupted.aborted) throw unfinished('interrupted', view)
      if (desk.nowMs() >= deadlineMs) throw unfinished('timedOut', view)
      const restMs = Math.max(1, Math.min(inPlace ? redrawMs : pollMs, deadlineMs - desk.nowMs()))
      await pause(restMs, AbortSignal.any([wake.signal, desk.interrupted]))
      if (wake.signal.aborted) await pause(readEveryMs, desk.interrupted)
      wake = new AbortController()
      seen = await read().catch((error: unknown) => {
        if (desk.interrupted.aborted) return seen
        if (!(error instanceof Failure) || !passes(error.parts.ending)) throw error
        return { ...seen, lost: error.message }
      })
    }
  } finally {
    redraw.end()
    ended.abort()
    await following
  }
}

const passes = (ending: Ending) => ending === 'unreachable' || ending === 'timedOut'

const pause = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }).catch(() => {})

function unfinished(kind: 'interrupted' | 'timedOut', view: Release): Failure {
  const { id, status, waiting } = view
  const why = kind === 'interrupted' ? 'not watched any more' : 'not there in time'
  return new Failure({
    ending: kind,
    what: `${id}: ${why}; the release goes on: ${status}`,
    ...(waiting && { why: [`it waits for: ${waiting.message}`] }),
    fix: `switchyard release watch ${id}; or \`release abort\`, \`release rollback\``,
  })
}

function finish(
  session: Session,
  { answer, view: { id } }: Seen,
  outcome: Outcome,
  elapsedMs: number,
): void {
  const structured = session.format === 'json' || session.format === 'yaml'
  if (structured) session.print(answer, () => [])
  if (outcome.ending !== 'done') {
    throw new Failure({
      ending: outcome.ending,
      what: outcome.words,
      fix: outcome.fix ?? `switchyard release show ${id}; switchyard audit --release ${id}`,
    })
  }
  if (structured) return
  session.desk.out.write(
    `${session.paint('green', outcome.words)}, after ${durationWords(elapsedMs)}\n`,
  )
}
