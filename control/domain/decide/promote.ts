/**
 * Promote: begin with a release's steps, go on with the next one, or to the end at once. Approvals and freeze
 * windows hold it back with 409, naming whose and until when; an override needs its scope and a reason.
 */
import type { TokenScope } from '#wire/token.ts'
import type { DomainEvent, EventOf } from '../event.ts'
import type { Intent } from '../input.ts'
import { mayDo } from '../permission.ts'
import { inProgress, notReady, phaseConflict, reject } from '../rejections.ts'
import {
  approvalGate,
  approvalsMissing,
  freezeGate,
  freezesOf,
  nextStep,
  pausedGate,
} from '../release/gates.ts'
import type { Fleet } from '../reports/fleet.ts'
import {
  type AppState,
  activeRelease,
  agentsOf,
  type ReleaseState,
  type State,
  type Step,
} from '../state.ts'
import { minReadyOf, readinessOf, shortageOf, type Waiting } from '../switch/readiness.ts'
import { replacingIn } from '../switch/replacement.ts'
import { percentOf, weightsFor } from '../switch/weights.ts'
import type { Motion } from './release.ts'

type Promote = Extract<Intent, { type: 'promote-release' }>

export function decidePromote(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  intent: Promote,
  scopes: readonly TokenScope[],
  now: number,
): Motion {
  const active = activeRelease(state, app)
  if (active && active.id !== release.id) return inProgress(active)
  if (release.phase === 'starting') {
    const readiness = readinessOf(state, fleet, release, now)
    return notReady(release, readiness.ready ? null : readiness.waiting)
  }
  const { phase } = release
  if (phase !== 'ready' && phase !== 'retired' && phase !== 'progressing') {
    return phaseConflict(
      release,
      'Only a ready, a progressing or a retired release can be promoted.',
    )
  }
  const begun = phase === 'progressing' ? release : { ...release, stepsDone: 0 }
  const fault = stepFault(state, fleet, app, begun, now)
  if (fault) return fault
  const override = overriding(state, app, begun, intent, scopes, now)
  if ('rejection' in override) return override
  return { events: [...override.events, proposal(state, app, begun, now, intent.full === true)] }
}

function stepFault(state: State, fleet: Fleet, app: AppState, release: ReleaseState, now: number) {
  const replaced = Object.values(release.replacedBy)[0]
  if (replaced) {
    return phaseConflict(release, `Its copies were replaced by ${replaced}: undo is a new release.`)
  }
  if (release.paused) {
    return reject('release-paused', `${release.id} is ${pausedGate(release)!.message}.`, {
      fix: 'Resume it first.',
      evidence: { release: release.id, paused: release.paused },
    })
  }
  const replacing = replacingIn(release)
  if (nextStep(release) === null || replacing.length > 0) {
    const where = replacing.join(', ')
    return phaseConflict(release, `Copies are being replaced in ${where}; the next step follows.`)
  }
  const missing = release.clusters.filter((c) => agentsOf(state, [c]).next().done)
  const left = release.clusters.filter((c) => app.positions[c] === undefined)
  if (missing.length + left.length > 0) {
    const why = missing.length > 0 ? 'has no enrolled agent' : 'is not a cluster of the app now'
    const message = `${[...missing, ...left].join(', ')} ${why}`
    return notReady(release, { code: 'agents-absent', message })
  }
  const shortage = shortageOf(state, fleet, release, now)
  return shortage && notReady(release, shortage)
}

/** What stands against it, or the event that says why it was overridden. */
function overriding(
  state: State,
  app: AppState,
  release: ReleaseState,
  { override, full }: Promote,
  scopes: readonly TokenScope[],
  now: number,
): { readonly events: readonly DomainEvent[] } | Extract<Motion, { rejection: unknown }> {
  const unapproved = approvalGate(state, release)
  const clusters = full ? wholeOf(app, release).clusters : undefined
  const frozen = freezeGate(state, release, now, clusters)
  if (!unapproved && !frozen) return { events: [] }
  if (!override) return held(release, unapproved, frozen)
  if (!mayDo(scopes, 'override')) {
    return reject('forbidden', 'This token may not override; that needs the scope "override".', {
      fix: 'Ask somebody whose token has it, or wait.',
    })
  }
  const event: EventOf<'release-overridden'> = {
    type: 'release-overridden',
    v: 1,
    release: release.id,
    reason: override.reason,
    freezes: freezesOf(state, release, now, clusters).map(({ name }) => name),
    approvalsMissing: unapproved ? approvalsMissing(app, release) : 0,
  }
  return { events: [event] }
}

function held(release: ReleaseState, unapproved: Waiting | null, frozen: Waiting | null) {
  const how = 'or promote with `override` and a reason, which needs the scope "override"'
  if (unapproved) {
    return reject('approval-required', `${release.id}: ${unapproved.message}.`, {
      fix: `POST /v1/releases/${release.id}/approve with another's token, ${how}.`,
      evidence: { release: release.id, approvals: release.approvals },
    })
  }
  return reject('frozen', `${release.id}: ${frozen!.message}.`, {
    fix: `Wait, lift the freeze, ${how}.`,
    evidence: { release: release.id, untilMs: frozen!.untilMs ?? null },
  })
}

/** Prepare: every enrolled agent of the step's clusters is asked, and the set does not change. */
export function proposal(
  state: State,
  app: AppState,
  release: ReleaseState,
  now: number,
  full = false,
): DomainEvent {
  const last = release.steps.length - 1
  const step = full ? last : release.stepsDone
  const { clusters, weight } = full ? wholeOf(app, release) : release.steps[step]!
  const weights = clusters.map((cluster) => ({
    cluster,
    weights: weightsFor(app, cluster, release.id, weight),
  }))
  // The only step of a blue-green release is written as former versions wrote it.
  const plain = release.strategy === 'blueGreen' && release.steps.length === 1
  return {
    type: 'switch-proposed',
    v: 1,
    app: release.app,
    release: release.id,
    minReady: minReadyOf(state, release),
    required: [...agentsOf(state, clusters)].map(({ cluster, agent }) => ({ cluster, agent })),
    deadlineAtMs: now + release.deadlineMs,
    ...(!plain && { step, weights }),
  }
}

/** Everything that it has not got yet, in one switch. */
function wholeOf(app: AppState, release: ReleaseState): Pick<Step, 'clusters' | 'weight'> {
  const left = release.clusters.filter((cluster) => percentOf(app, cluster, release.id) < 100)
  return { clusters: left.length > 0 ? left : release.clusters, weight: 100 }
}
