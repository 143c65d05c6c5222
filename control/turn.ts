/**
 * The one loop that changes anything (DESIGN D1): input → decide → append → evolve → publish → answer,
 * one at a time. Intents wait in a bounded queue; of an agent's waiting reports only the newest counts, and
 * all that wait are taken together, so that no storm of them can hold up an intent.
 */
import type { Rejection } from '#wire/codes.ts'
import type { Report } from '#wire/report.ts'
import type { FleetAhead, Publication, PublisherPort } from './delivery/publisher-port.ts'
import { type Compile, decide, forgetting } from './domain/decide.ts'
import { alreadyAnswered, rehearse } from './domain/dry-run/dry-run.ts'
import { evolve } from './domain/evolve.ts'
import type { Answer, Input, IntentInput } from './domain/input.ts'
import { parseRecord, recordText, type TurnRecord } from './domain/record.ts'
import { alarmAt } from './domain/release/alarm.ts'
import { emptyFleet, type Fleet, foldPublished, foldReport } from './domain/reports/fleet.ts'
import { emptyState, isEnrolled, type State } from './domain/state.ts'
import type { History } from './history/history.ts'
import type { Log } from './log/log.ts'
import { bounded, publicationOf } from './outgoing.ts'
import { behind, overloaded, refused, taken, unknownAgent } from './turn-answers.ts'
import { createWaiters } from './turn-waiters.ts'

export interface TurnOptions {
  readonly log: Log
  readonly publisher: PublisherPort
  /** Wall clock, ms since 1970. */
  readonly now: () => number
  /** Monotonic clock, ms: the one that `receivedMs` of reports comes from. */
  readonly monotonicMs: () => number
  /** The runtime's one alarm: at this wall-clock time submit `{ kind: 'alarm' }`; null: none. */
  readonly setAlarm: (atMs: number | null) => void
  /** Where the fold may begin, and who keeps what it has done; left out: it begins with the first record. */
  readonly history?: Pick<History, 'begin' | 'keep'>
  /** Told while a start folds the log, page by page: up to `position` of `head`. It may take its time. */
  readonly onFold?: (position: number, head: number) => Promise<void>
  /** Told of every appended record. */
  readonly onRecord?: (record: TurnRecord) => void
  /** The log failed or another writer wrote: nothing is done any more, the process must end. */
  readonly onFatal: (error: unknown) => void
  readonly compile?: Compile
  /** Told of every turn, whatever came of it. */
  readonly onTurn?: (turn: TakenTurn) => void
}

/** One turn, as metrics and the log see it. */
export interface TakenTurn {
  readonly kind: Input['kind']
  readonly ms: number
  /** What was appended; null when nothing was. */
  readonly record: TurnRecord | null
  /** An intent that changed nothing. */
  readonly refused: { readonly input: IntentInput; readonly rejection: Rejection } | null
}

export interface Turns {
  /** Replays what no checkpoint holds, then publishes every cluster once. Throws when the log cannot be read. */
  start(): Promise<void>
  /** Rejects only when the turn loop has stopped. */
  submit(input: Input): Promise<Answer>
  /** In its turn, what `submit` would do: the view of a dry run as the answer's body. Changes nothing. */
  rehearse(input: IntentInput): Promise<Answer>
  state(): State
  fleet(): Fleet
  /** Set once the fleet was seen ahead of the log, until `recover`. */
  fleetAhead(): FleetAhead | null
  /** The publisher found a header or a report from ahead of the log. */
  reportFleetAhead(found: FleetAhead): void
  /** Resolves true once `predicate` holds after some turn; false after `timeoutMs` or an abort. */
  waitFor(
    predicate: (state: State, fleet: Fleet) => boolean,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<boolean>
  /** Resolves once nothing waits for a turn. */
  settled(): Promise<void>
  isIdle(): boolean
  /** Finishes the turn under way; what waits is refused. */
  stop(): Promise<void>
}

/** Beyond this an intent is answered 503 at once, so that a queue cannot hide an overload. */
export const intentsWaitingMax = 256
const replayPage = 512

interface Waiting {
  readonly input: IntentInput
  readonly isDryRun: boolean
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

interface WaitingReport {
  readonly report: Report
  readonly receivedMs: number
  /** Wall clock: when the agent was there to send it. */
  readonly seenAtMs: number
  /** The sender waits until its report, or a newer one, is taken. */
  readonly tell: () => void
}

export class TurnsStopped extends Error {
  override readonly name = 'TurnsStopped'
}

export function createTurns(options: TurnOptions): Turns {
  const { log, publisher, now, monotonicMs, compile } = options
  let state: State = emptyState
  let fleet: Fleet = emptyFleet(now())
  let ahead: FleetAhead | null = null
  /** The time by which the newest conclusions were drawn: what is due since then is still to come. */
  let judgedMs = 0
  let stopped: TurnsStopped | null = null
  let running: Promise<void> | null = null
  let alarmIsDue = false
  /** Of the turn under way. */
  let recordNow: TakenTurn['record'] = null
  let refusedNow: TakenTurn['refused'] = null
  const intents: Waiting[] = []
  /** By agent, at most one each: a newer report takes the place of the one that waits. */
  const reports = new Map<string, WaitingReport>()
  const waiters = createWaiters()

  async function start(): Promise<void> {
    const head = await log.head()
    if (options.history) state = await options.history.begin()
    while (state.position < head) {
      for (const { position, text } of await log.read(state.position, replayPage)) {
        const before = state
        const record = parseRecord(text, position)
        state = evolve(before, record)
        options.history?.keep({ before, after: state, record, text })
      }
      await options.onFold?.(state.position, head)
    }
    fleet = emptyFleet(now())
    const publications = new Map<string, Publication>()
    for (const cluster of state.clusters.keys()) {
      const publication = publicationOf(state, cluster)
      if (publication) publications.set(cluster, publication)
    }
    await publisher.start(publications)
    alarmIsDue = true
    wake()
  }

  function submit(input: Input): Promise<Answer> {
    if (stopped) return Promise.reject(stopped)
    switch (input.kind) {
      case 'intent':
        return enqueue(input, false)
      case 'alarm':
        alarmIsDue = true
        wake()
        return Promise.resolve(taken(state))
      case 'report':
        return submitReport(input.report, input.receivedMs, now() - (input.ageMs ?? 0))
    }
  }

  function enqueue(input: IntentInput, isDryRun: boolean): Promise<Answer> {
    if (stopped) return Promise.reject(stopped)
    return new Promise((resolve, reject) => {
      if (intents.length >= intentsWaitingMax) {
        return resolve(refused(overloaded(intentsWaitingMax)))
      }
      intents.push({ input, isDryRun, resolve, reject })
      wake()
    })
  }

  function submitReport(report: Report, receivedMs: number, seenAtMs: number): Promise<Answer> {
    if (!isEnrolled(state, report)) return Promise.resolve(refused(unknownAgent(report)))
    const key = `${report.cluster}/${report.agent}`
    const waiting = reports.get(key)
    if (waiting && !supersedes(report, waiting.report)) return Promise.resolve(taken(state))
    waiting?.tell()
    return new Promise((resolve) => {
      reports.set(key, { report, receivedMs, seenAtMs, tell: () => resolve(taken(state)) })
      wake()
    })
  }

  /** Starts the loop when it rests; it runs until nothing waits. */
  function wake(): void {
    if (running || stopped) return
    running = Promise.resolve()
      .then(work)
      .catch(fail)
      .finally(() => {
        running = null
        if (!stopped && hasWork()) wake()
      })
  }

  const hasWork = () => intents.length > 0 || reports.size > 0 || alarmIsDue

  async function work(): Promise<void> {
    while (!stopped && hasWork()) {
      if (reports.size > 0 || alarmIsDue) await observe()
      const next = stopped ? undefined : intents.shift()
      if (next) await (next.isDryRun ? foresee(next) : answer(next))
    }
  }

  /** Takes every waiting report, and draws what conclusions there are. */
  async function observe(): Promise<void> {
    const startedMs = monotonicMs()
    const kind = reports.size > 0 ? 'report' : 'alarm'
    const waitingReports = [...reports.values()]
    reports.clear()
    alarmIsDue = false
    for (const { report, receivedMs, seenAtMs } of waitingReports) {
      if (!isEnrolled(state, report)) continue
      fleet = foldReport(fleet, report, receivedMs, seenAtMs)
      noticeAhead(report)
    }
    const first = waitingReports[0]
    const input: Input = first
      ? { kind: 'report', report: first.report, receivedMs: first.receivedMs }
      : { kind: 'alarm' }
    if (!ahead && state.epoch) {
      judgedMs = now()
      const decision = decide(state, fleet, input, judgedMs, compile)
      if (decision.kind === 'record') await adopt(decision.record, decision.state)
    }
    finishTurn(kind, startedMs)
    for (const { tell } of waitingReports) tell()
  }

  async function answer({ input, resolve, reject }: Waiting): Promise<void> {
    const startedMs = monotonicMs()
    try {
      const answered = await answerTo(input)
      resolve(answered)
      if (!answered.ok) refusedNow = { input, rejection: answered.rejection }
    } catch (error) {
      reject(error)
      throw error
    } finally {
      finishTurn('intent', startedMs)
    }
  }

  /** It changes nothing, so nothing is at stake when it fails: the loop goes on. */
  async function foresee({ input, resolve, reject }: Waiting): Promise<void> {
    await foreseen(input).then(resolve, reject)
  }

  async function foreseen(input: IntentInput): Promise<Answer> {
    const rehearsed = rehearse(state, fleet, input, now(), compile)
    if (rehearsed.kind === 'repeated') {
      const { position } = rehearsed
      const body = alreadyAnswered(input, position, await recordedAnswer(position))
      return { ok: true, status: 200, revision: position, body, repeated: false }
    }
    if (ahead && input.intent.type !== 'recover') return refused(behind(ahead))
    if (rehearsed.kind === 'rejected') return refused(rehearsed.rejection)
    const { view: body } = rehearsed
    return { ok: true, status: 200, revision: state.position, body, repeated: false }
  }

  async function answerTo(input: IntentInput): Promise<Answer> {
    const decision = decide(state, fleet, input, now(), compile)
    if (decision.kind === 'repeated') return recorded(decision.position)
    if (ahead && input.intent.type !== 'recover') return refused(behind(ahead))
    if (decision.kind === 'rejected') return refused(decision.rejection)
    if (decision.kind === 'nothing') throw new Error('an intent was decided without a record')
    await adopt(decision.record, decision.state)
    const { status, body } = decision.record.answer!
    return { ok: true, status, revision: decision.record.position, body, repeated: false }
  }

  const recorded = async (position: number): Promise<Answer> => ({
    ok: true,
    ...(await recordedAnswer(position)),
    revision: position,
    repeated: true,
  })

  async function recordedAnswer(position: number) {
    const [stored] = await log.read(position - 1, 1)
    const answered = stored && parseRecord(stored.text, position).answer
    if (!answered) throw new Error(`the record at position ${position} has no answer`)
    return answered
  }

  /** Durable first; then true here; then on its way to the agents; only then answered. */
  async function adopt(record: TurnRecord, next: State): Promise<void> {
    const text = recordText(record)
    const position = await log.append(state.position, text)
    if (position === 'conflict') throw new Error('another control writes to this log')
    const before = state
    state = next
    judgedMs = record.at
    fleet = forgetting(fleet, record.events)
    if (ahead && state.epoch && state.epoch.number > ahead.epoch.number) ahead = null
    const outgoing = publishChanged(before)
    recordNow = record
    options.onRecord?.(record)
    options.history?.keep({ before, after: next, record, text })
    await bounded(outgoing)
  }

  /** Every changed cluster's header leaves at the same moment: the skew of a switch starts here. */
  function publishChanged(before: State): Promise<void>[] {
    if (ahead) return []
    const outgoing: Promise<void>[] = []
    for (const { name, revision } of state.clusters.values()) {
      if (before.clusters.get(name)?.revision === revision) continue
      const publication = publicationOf(state, name)
      if (!publication) continue
      fleet = foldPublished(fleet, name, revision, monotonicMs())
      outgoing.push(publisher.publish(name, publication))
    }
    return outgoing
  }

  function finishTurn(kind: Input['kind'], startedMs: number): void {
    options.setAlarm(stopped || ahead ? null : alarmAt(state, fleet, judgedMs))
    const ms = monotonicMs() - startedMs
    options.onTurn?.({ kind, ms, record: recordNow, refused: refusedNow })
    recordNow = null
    refusedNow = null
    waiters.look(state, fleet)
  }

  function noticeAhead({ cluster, epoch, revision }: Report): void {
    const held = state.clusters.get(cluster)
    if (!held || !state.epoch) return
    const { number, id } = state.epoch
    const isFork = epoch.number === number && epoch.id !== id
    const isNewer =
      epoch.number > number || (epoch.number === number && !isFork && revision > held.revision)
    if (!isFork && !isNewer) return
    ahead ??= { cluster, kind: isFork ? 'fork' : 'newer', seenIn: 'report', epoch, revision }
  }

  function fail(error: unknown): void {
    halt(new TurnsStopped('the turn loop has failed', { cause: error }))
    options.onFatal(error)
  }

  function halt(reason: TurnsStopped): void {
    stopped ??= reason
    for (const { reject } of intents.splice(0)) reject(stopped)
    for (const { tell } of reports.values()) tell()
    reports.clear()
    waiters.stop()
    options.setAlarm(null)
  }

  return {
    start,
    submit,
    rehearse: (input) => enqueue(input, true),
    state: () => state,
    fleet: () => fleet,
    fleetAhead: () => ahead,
    reportFleetAhead: (found) => {
      ahead ??= found
    },
    waitFor: (predicate, timeoutMs, signal) =>
      predicate(state, fleet) ? Promise.resolve(true) : waiters.wait(predicate, timeoutMs, signal),
    isIdle: () => running === null,
    async settled() {
      while (running) await running
    },
    async stop() {
      halt(new TurnsStopped('control is stopping'))
      await running
    },
  }
}

const supersedes = (report: Report, waiting: Report): boolean =>
  report.instance === waiting.instance
    ? report.sequence > waiting.sequence
    : report.startedAtMs >= waiting.startedAtMs
