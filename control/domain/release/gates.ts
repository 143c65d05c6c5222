/**
 * What stands between a release and its next step: a pause, missing approvals, a freeze window, the step's
 * own time, or somebody's promote. Judged for the release as it is, so a gate opens by itself as soon as
 * its reason has gone.
 */

import { mayDo, scopesOf } from '../permission.ts'
import { type AppState, appOf, type ReleaseState, type State, type Step } from '../state.ts'
import type { Waiting } from '../switch/readiness.ts'
import { freezesFor, type Holding, instant } from './freeze.ts'

/** The step that the next switch is for; null when all are acknowledged. */
export const nextStep = (release: ReleaseState): Step | null =>
  release.steps[release.stepsDone] ?? null

/** Why the next step may not begin by itself; null when it may. */
export function gateOf(state: State, release: ReleaseState, now: number): Waiting | null {
  return (
    pausedGate(release) ??
    approvalGate(state, release) ??
    freezeGate(state, release, now) ??
    pauseGate(release, now)
  )
}

export function pausedGate({ paused }: ReleaseState): Waiting | null {
  if (!paused) return null
  const why = paused.reason ? `: ${paused.reason}` : ''
  return { code: 'paused', message: `paused by ${paused.by}${why}` }
}

/** Only before it takes public traffic for the first time. */
export function approvalGate(state: State, release: ReleaseState): Waiting | null {
  const missing = approvalsMissing(appOf(state, release.app), release)
  if (missing === 0 || release.stepsDone > 0) return null
  return { code: 'approvals', message: approvalsWanted(state, release, missing) }
}

export const approvalsMissing = (app: AppState | undefined, release: ReleaseState): number =>
  release.approvalsWaived ? 0 : Math.max(0, (app?.intent.approvals ?? 0) - release.approvals.length)

/** "2 approvals are missing (given by bob), by others than alice: carol or dave may" */
function approvalsWanted(state: State, release: ReleaseState, missing: number): string {
  const given = release.approvals.map(({ by }) => by)
  const may = [...state.tokens.values()]
    .filter((token) => mayDo(scopesOf(token), 'approve') && token.name !== release.createdBy)
    .map(({ name }) => name)
    .filter((name) => !given.includes(name))
  const count = missing === 1 ? 'one approval is' : `${missing} approvals are`
  const so = given.length > 0 ? ` (given by ${given.join(', ')})` : ''
  const who = may.length > 0 ? may.slice(0, 8).join(', ') : 'no token has the scope "approve" yet'
  return `${count} missing${so}, by somebody other than its author ${release.createdBy}: ${who}`
}

/** In the clusters of the next step, or in others that are to change with it. */
export const freezesOf = (
  state: State,
  release: ReleaseState,
  now: number,
  clusters = nextStep(release)?.clusters ?? [],
): readonly Holding[] => freezesFor(state, release.app, clusters, now)

export function freezeGate(
  state: State,
  release: ReleaseState,
  now: number,
  clusters?: readonly string[],
): Waiting | null {
  const [longest] = freezesOf(state, release, now, clusters)
  if (!longest) return null
  const { name, untilMs, reason } = longest
  const message = `frozen by "${name}" until ${instant(untilMs)}: ${reason}`
  return { code: 'frozen', message, untilMs }
}

/** What the step before asked for, or that nobody has begun the first one. */
function pauseGate(release: ReleaseState, now: number): Waiting | null {
  const { steps, stepsDone, stepDoneAtMs, phase } = release
  if (phase === 'ready') {
    // An aborted switch is not tried again by itself.
    if (release.autoPromote && release.switch === null) return null
    return { code: 'promote', message: 'ready: promote it, or abort it' }
  }
  const pause = steps[stepsDone - 1]?.pause
  if (!pause || stepDoneAtMs === null) return null
  const done = `step ${stepsDone} of ${steps.length} is acknowledged`
  if ('until' in pause) return { code: 'promote', message: `${done}: promote it to go on` }
  const untilMs = stepDoneAtMs + pause.forMs
  if (now >= untilMs) return null
  return { code: 'pause-time', message: `${done}; the next begins at ${instant(untilMs)}`, untilMs }
}
