/**
 * When watching a release ends, and how: pure, from the release as it was last read. A deployment job
 * lives by this: it ends well only when what was waited for is proven.
 */
import type { Release } from '../answers.ts'
import type { Ending } from '../exit-codes.ts'

export const goals = ['ready', 'paused', 'live'] as const
export type Goal = (typeof goals)[number]

export interface Outcome {
  readonly ending: Ending
  readonly words: string
  readonly fix?: string
}

/** Waits that time or agents do not end: somebody has to decide. */
const decisions: Readonly<Record<string, string>> = {
  promote: 'release promote',
  approvals: 'release approve',
  paused: 'release resume',
}

/** Null: it goes on. With `patient`, a wait for somebody is waited through. */
export function outcomeOf(release: Release, goal: Goal, patient: boolean): Outcome | null {
  const { id, phase, status, waiting, paused } = release
  if (phase === 'aborted') {
    const why = release.switch?.reason ?? paused?.reason
    return { ending: 'wentBack', words: `${id} is aborted${why ? `: ${why}` : ''}` }
  }
  if (['retired', 'decommissioning', 'decommissioned'].includes(phase)) {
    return { ending: 'wentBack', words: `${id} takes no public traffic: ${status}` }
  }
  const begun = ['progressing', 'committing', 'live'].includes(phase)
  if (phase === 'live') return { ending: 'done', words: `${id} is ${status}` }
  if (goal === 'ready' && (phase === 'ready' || begun)) {
    return { ending: 'done', words: `${id} is ${status}` }
  }
  const rests =
    phase === 'progressing' && /^(promote|pause-time|paused|approvals)$/.test(waiting?.code ?? '')
  if (goal === 'paused' && rests) return { ending: 'done', words: `${id} pauses: ${status}` }
  const command = decisions[waiting?.code ?? '']
  if (patient || !command) return null
  // What is still `starting` waits for copies first, whatever it will wait for then.
  return {
    ending: 'waits',
    words: `${id} waits for a decision: ${waiting!.message}`,
    fix:
      paused?.by === 'fleet'
        ? `switchyard release rollback ${id}; or \`release resume\`, once the cause is gone`
        : `switchyard ${command} ${id}`,
  }
}
