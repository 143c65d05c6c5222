/** Release intents, row by row as DESIGN §5 has them: create, promote, abort, rollback, decommission. */
import type { Ruling } from './decide.ts'
import { createRelease } from './decide-create.ts'
import { decideRollback } from './decide-rollback.ts'
import { releaseEtag } from './etag.ts'
import type { DomainEvent } from './event.ts'
import type { Fleet } from './fleet.ts'
import type { Intent } from './input.ts'
import { ledgerOf } from './ledger.ts'
import { proposal } from './progress.ts'
import { listed, readinessOf, shortageOf, type Waiting } from './readiness.ts'
import { inProgress, reject, stateChanged, unknownRelease } from './rejections.ts'
import {
  type AppState,
  activeRelease,
  agentsOf,
  appOf,
  type ReleaseState,
  releaseOf,
  type State,
} from './state.ts'
import { abortEvents } from './switch.ts'
import { releaseView } from './view.ts'

type ReleaseIntents = Extract<Intent, { type: `${string}-release` }>

export function decideRelease(
  state: State,
  fleet: Fleet,
  intent: ReleaseIntents,
  ifMatch: string | null,
  now: number,
): Ruling {
  if (intent.type === 'create-release') return createRelease(state, intent.body)
  const release = releaseOf(state, intent.release)
  const app = release && appOf(state, release.app)
  if (!release || !app) return unknownRelease(intent.release)
  if (ifMatch !== null && ifMatch !== releaseEtag(release)) {
    return stateChanged(`The release ${release.id}`, releaseEtag(release))
  }
  const motion = motions[intent.type](state, fleet, app, release, now)
  if ('rejection' in motion) return motion
  return {
    events: motion.events,
    status: 202,
    body: (after, heard, at) => releaseView(after, heard, release.id, at),
  }
}

export type Motion =
  | { readonly events: readonly DomainEvent[] }
  | Extract<Ruling, { rejection: unknown }>

const motions: Record<
  Exclude<ReleaseIntents['type'], 'create-release'>,
  (state: State, fleet: Fleet, app: AppState, release: ReleaseState, now: number) => Motion
> = {
  'promote-release': promote,
  'abort-release': (_state, _fleet, app, release) => abort(app, release),
  'rollback-release': (state, _fleet, app, release, now) =>
    decideRollback(state, app, release, now),
  'decommission-release': (state, fleet, _app, release) => decommission(state, fleet, release),
}

function promote(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  now: number,
): Motion {
  const active = activeRelease(state, app)
  if (active && active.id !== release.id) return inProgress(active)
  if (release.phase === 'starting') {
    const readiness = readinessOf(state, fleet, release, now)
    return notReady(release, readiness.ready ? null : readiness.waiting)
  }
  if (release.phase !== 'ready' && release.phase !== 'retired') {
    return phaseConflict(release, 'Only a ready release, or a retired one, can be promoted.')
  }
  const missing = release.clusters.filter((c) => agentsOf(state, [c]).next().done)
  const left = release.clusters.filter((c) => app.positions[c] === undefined)
  if (missing.length + left.length > 0) {
    const why = missing.length > 0 ? 'has no enrolled agent' : 'is not a cluster of the app now'
    const message = `${[...missing, ...left].join(', ')} ${why}`
    return notReady(release, { code: 'agents-absent', message })
  }
  const shortage = shortageOf(state, fleet, release)
  if (shortage) return notReady(release, shortage)
  return { events: [proposal(state, release, now)] }
}

function abort(app: AppState, release: ReleaseState): Motion {
  const reason = 'asked to abort'
  switch (release.phase) {
    case 'starting':
    case 'ready':
      return { events: [{ type: 'release-aborted', v: 1, release: release.id, reason }] }
    case 'preparing':
      return { events: abortEvents(app.switch!, release, reason) }
    case 'committing':
      return phaseConflict(release, 'The commit is decided: roll it back instead.')
    default:
      return phaseConflict(release, 'Only a release that has not gone live can be aborted.')
  }
}

function decommission(state: State, fleet: Fleet, release: ReleaseState): Motion {
  const { id, phase } = release
  const ledger = ledgerOf(state, fleet, release)
  if (phase === 'live' || phase === 'committing' || ledger.isPublic) {
    return reject('is-live', `${id} is ${phase}: it takes public traffic.`, {
      fix: 'Promote another release, or roll this one back, first.',
      evidence: { release: id, phase },
    })
  }
  if (phase !== 'retired') {
    return phaseConflict(
      release,
      phase === 'starting' || phase === 'ready' || phase === 'preparing'
        ? 'Abort it; its copies then stop by themselves.'
        : 'Its copies stop by themselves, or have stopped.',
    )
  }
  if (ledger.unacknowledged.length > 0) {
    const names = ledger.unacknowledged.map((one) => one.agent)
    return reject(
      'not-acknowledged',
      `Not every agent has shown that traffic has left ${id}: ${listed(names)}.`,
      {
        fix: 'Wait for them; an agent that is gone for good: DELETE /v1/clusters/{cluster}/agents/{agent}.',
        evidence: { agents: ledger.unacknowledged },
      },
    )
  }
  if (ledger.inUse > 0) {
    return reject('in-use', `${ledger.inUse} exchanges or tunnels are open on ${id}.`, {
      fix: 'Wait until they end, or set drainDeadlineMs on the app.',
      evidence: { inUse: ledger.inUse, ledger: ledger.users },
    })
  }
  return { events: [{ type: 'decommission-started', v: 1, release: id }] }
}

export const phaseConflict = (release: ReleaseState, fix: string) =>
  reject('phase-conflict', `${release.id} is ${release.phase}.`, {
    fix,
    evidence: { release: release.id, phase: release.phase },
  })

const notReady = (release: ReleaseState, waiting: Waiting | null) =>
  reject('not-ready', waiting?.message ?? `${release.id} is not ready yet.`, {
    fix: 'Wait until its phase is "ready"; GET the release: `waiting` says why.',
    evidence: { release: release.id, phase: release.phase, waiting },
  })
