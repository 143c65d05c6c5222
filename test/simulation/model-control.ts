/**
 * The pure machine with the plainest runtime: a log in an array, publications handed to a callback.
 * Restarting it forgets everything but the log, and proves that what the log gives is what was there.
 */
import { isDeepStrictEqual } from 'node:util'
import { canonicalText } from '#wire/digest.ts'
import type { Report } from '#wire/report.ts'
import type { TokenScope } from '#wire/token.ts'
import type { Publication } from '../../control/delivery/publisher-port.ts'
import { decide, forgetting } from '../../control/domain/decide.ts'
import { evolve } from '../../control/domain/evolve.ts'
import type { Answer, Input, Intent } from '../../control/domain/input.ts'
import { parseRecord, recordText, type TurnRecord } from '../../control/domain/record.ts'
import { alarmAt } from '../../control/domain/release/alarm.ts'
import {
  emptyFleet,
  type Fleet,
  foldPublished,
  foldReport,
} from '../../control/domain/reports/fleet.ts'
import { emptyState, type State } from '../../control/domain/state.ts'
import { checkForetold } from './foretold.ts'

export interface ModelControl {
  state(): State
  fleet(): Fleet
  log(): readonly string[]
  records(): readonly TurnRecord[]
  ask(intent: Intent, nowMs: number, more?: Asked): Answer
  report(report: Report, nowMs: number): void
  alarm(nowMs: number): void
  /** When the alarm is due; null: never by itself. */
  alarmAt(nowMs: number): number | null
  /** Starts again from the log; `published: false` when it died before the newest header went out. */
  restart(nowMs: number): void
}

export interface Asked {
  readonly actor?: string
  readonly scopes?: readonly TokenScope[]
  readonly idempotencyKey?: string | null
  readonly ifMatch?: string | null
}

export function createModelControl(
  publish: (cluster: string, publication: Publication) => void,
  observe: (before: State, after: State, record: TurnRecord) => void = () => {},
): ModelControl {
  let state = emptyState
  let fleet = emptyFleet(0)
  const texts: string[] = []
  const kept: TurnRecord[] = []

  function take(input: Input, nowMs: number): Answer | null {
    const decision = decide(state, fleet, input, nowMs)
    if (input.kind === 'intent') checkForetold(state, fleet, input, nowMs, decision)
    if (decision.kind === 'nothing') return null
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection }
    if (decision.kind === 'repeated') {
      const answer = kept[decision.position - 1]!.answer!
      return { ok: true, ...answer, revision: decision.position, repeated: true }
    }
    const { record } = decision
    const before = state
    texts.push(recordText(record))
    kept.push(record)
    state = decision.state
    fleet = forgetting(fleet, record.events)
    observe(before, state, record)
    publishChanged(before, nowMs)
    return record.answer
      ? { ok: true, ...record.answer, revision: record.position, repeated: false }
      : null
  }

  function publishChanged(before: State | null, nowMs: number): void {
    for (const { name, revision, tree } of state.clusters.values()) {
      if (!state.epoch || before?.clusters.get(name)?.revision === revision) continue
      if (before) fleet = foldPublished(fleet, name, revision, nowMs)
      publish(name, { epoch: state.epoch, revision, format: state.format, tree })
    }
  }

  return {
    state: () => state,
    fleet: () => fleet,
    log: () => texts,
    records: () => kept,
    ask(
      intent,
      nowMs,
      { actor = 'tests', scopes = [], idempotencyKey = null, ifMatch = null } = {},
    ) {
      const input = { kind: 'intent', intent, actor, scopes, idempotencyKey, ifMatch } as const
      const answer = take(input, nowMs)
      if (!answer) throw new Error('an intent was not answered')
      return answer
    },
    report(report, nowMs) {
      if (!state.clusters.get(report.cluster)?.agents.has(report.agent)) return
      fleet = foldReport(fleet, report, nowMs, nowMs)
      take({ kind: 'report', report, receivedMs: nowMs }, nowMs)
    },
    alarm: (nowMs) => void take({ kind: 'alarm' }, nowMs),
    alarmAt: (nowMs) => alarmAt(state, fleet, nowMs),
    restart(nowMs) {
      const replayed = replay(texts)
      if (!isDeepStrictEqual(replayed, state)) throw new Error('the replayed state is another one')
      state = replayed
      fleet = emptyFleet(nowMs)
      publishChanged(null, nowMs)
      take({ kind: 'alarm' }, nowMs)
    },
  }
}

/** The fold of stored records; each must have the very bytes that it has when it is written again. */
export function replay(texts: readonly string[]): State {
  return texts.reduce((state, text, index) => {
    const record = parseRecord(text, index + 1)
    if (canonicalText(record) !== text) throw new Error(`record ${index + 1} is not canonical`)
    return evolve(state, record)
  }, emptyState)
}
