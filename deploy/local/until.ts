/** Bounded waiting: polls until something holds, and says what it last saw when time runs out. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ReleasePhase, ReleaseView } from '#wire/release.ts'
import type { ControlClient } from './control-client.ts'

export class TimedOut extends Error {
  override readonly name = 'TimedOut'
}

export function timedOut(what: string, withinMs: number, last: unknown): TimedOut {
  const text = last instanceof Error ? String(last) : JSON.stringify(last)
  return new TimedOut(`${what}: not within ${withinMs} ms; last seen: ${text?.slice(0, 2_000)}`)
}

/** The first value that `holds`; a look that throws counts as "not yet". */
export async function until<Seen>(
  what: string,
  look: () => Promise<Seen> | Seen,
  holds: (seen: Seen) => boolean,
  withinMs = 15_000,
  everyMs = 20,
): Promise<Seen> {
  const deadline = performance.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      const seen = await look()
      if (holds(seen)) return seen
      last = seen
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw timedOut(what, withinMs, last)
    await delay(everyMs)
  }
}

export const untilPhase = (
  client: ControlClient,
  release: string,
  phase: ReleasePhase,
  withinMs?: number,
): Promise<ReleaseView> =>
  until(
    `${release} is ${phase}`,
    () => client.getRelease(release),
    (view) => view.phase === phase,
    withinMs,
  )
