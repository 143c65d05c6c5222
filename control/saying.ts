/** What control says of its work: each turn and each refusal, and troubles once until they are over. */
import type { LogFields, Say } from '#wire/log-line.ts'
import type { PublisherMetrics } from './delivery/publisher.ts'
import { sentenceOf } from './domain/words/sentence.ts'
import type { TakenTurn } from './turn.ts'

/** Nothing for a report or an alarm that changed nothing: there are many each second. */
export function sayTurn(say: Say, { kind, ms: exact, record, refused }: TakenTurn): void {
  const ms = Math.round(exact * 100) / 100
  if (record) {
    const { actor, position: revision, input, events } = record
    const text = events.map(sentenceOf).join(' ') || 'Nothing had to change.'
    const types = events.map((event) => event.type)
    say('turn-taken', text, { kind, type: input.type, actor, revision, ms, events: types })
  }
  if (refused) {
    const { input, rejection } = refused
    const fields = { type: input.intent.type, actor: input.actor, refusal: rejection.code, ms }
    say('intent-refused', rejection.detail, fields)
  }
}

const saidAgainMs = 60_000

/** Counts as before, and says what an operator has to know of it. */
export function saying(
  metrics: PublisherMetrics,
  say: Say,
  monotonicMs: () => number,
): PublisherMetrics {
  const failing = new Set<string>()
  const saidAt = new Map<string, number>()
  return {
    published(cluster, seconds) {
      metrics.published(cluster, seconds)
      if (failing.delete(cluster)) say('publish-recovered', 'headers go out again', { cluster })
    },
    failed(cluster, error) {
      metrics.failed(cluster, error)
      if (failing.has(cluster)) return
      failing.add(cluster)
      say('publish-failed', reasonOf(error), { cluster })
    },
    reportTaken: metrics.reportTaken,
    reportRefused(cluster, code) {
      metrics.reportRefused(cluster, code)
      const key = `${cluster}/${code}`
      const now = monotonicMs()
      if (now - (saidAt.get(key) ?? Number.NEGATIVE_INFINITY) < saidAgainMs) return
      saidAt.set(key, now)
      const fields: LogFields = { cluster, refusal: code }
      say('report-refused', 'a report was refused', fields)
    },
  }
}

const foldSaidEveryMs = 2_000

/** A long fold before the API answers, every two seconds: how far it is, and how long it takes yet. */
export function sayFold(say: Say, monotonicMs: () => number) {
  let first: { readonly position: number; readonly ms: number } | null = null
  let saidMs = 0
  return (position: number, head: number): void => {
    const ms = monotonicMs()
    first ??= { position, ms }
    saidMs ||= ms
    if (ms - saidMs < foldSaidEveryMs) return
    saidMs = ms
    const left = ((head - position) * (ms - first.ms)) / (position - first.position)
    const fields = { revision: position, of: head, secondsLeft: Math.ceil(left / 1_000) }
    say('log-folding', `the log is read: ${position} of ${head} records`, fields)
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
