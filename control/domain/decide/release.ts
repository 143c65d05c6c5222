/** Release intents, row by row as DESIGN §5 has them: create, promote, pause, abort, rollback, decommission. */
import { agentPlace } from '#wire/names.ts'
import type { TokenScope } from '#wire/token.ts'
import type { Ruling } from '../decide.ts'
import type { DomainEvent } from '../event.ts'
import type { Intent } from '../input.ts'
import { phaseConflict, reject, stateChanged, unknownRelease } from '../rejections.ts'
import type { Fleet } from '../reports/fleet.ts'
import { ledgerOf } from '../reports/ledger.ts'
import { because, troublesOf } from '../reports/troubles.ts'
import {
  type AppState,
  appOf,
  isActive,
  type ReleaseState,
  releaseOf,
  type State,
} from '../state.ts'
import { listed } from '../switch/readiness.ts'
import { isBeingReplaced } from '../switch/replacement.ts'
import { abortEvents } from '../switch/switch.ts'
import { releaseEtag } from '../view/etag.ts'
import { releaseView } from '../view/view.ts'
import { createRelease } from './create.ts'
import { decidePromote } from './promote.ts'
import { abortBack, decideRollback } from './rollback.ts'

type ReleaseIntents = Extract<Intent, { type: `${string}-release` }>
type Motions = Exclude<ReleaseIntents, { type: 'create-release' }>

/** Who asks, and with which scopes. */
export interface Asking {
  readonly actor: string
  readonly scopes: readonly TokenScope[]
  readonly ifMatch: string | null
}

export function decideRelease(
  state: State,
  fleet: Fleet,
  intent: ReleaseIntents,
  asking: Asking,
  now: number,
): Ruling {
  if (intent.type === 'create-release') return createRelease(state, fleet, intent.body)
  const release = releaseOf(state, intent.release)
  const app = release && appOf(state, release.app)
  if (!release || !app) return unknownRelease(intent.release)
  const { ifMatch } = asking
  if (ifMatch !== null && ifMatch !== releaseEtag(release)) {
    return stateChanged(`The release ${release.id}`, releaseEtag(release))
  }
  const motion = motionOf(state, fleet, app, release, intent, asking, now)
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

function motionOf(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  intent: Motions,
  { actor, scopes }: Asking,
  now: number,
): Motion {
  switch (intent.type) {
    case 'promote-release':
      return decidePromote(state, fleet, app, release, intent, scopes, now)
    case 'pause-release':
      return pause(release, intent.reason ?? null)
    case 'resume-release':
      return resume(release)
    case 'approve-release':
      return approve(app, release, actor, intent.reason ?? null)
    case 'abort-release':
      return abort(state, fleet, app, release, now)
    case 'rollback-release':
      return decideRollback(state, app, release, now)
    case 'decommission-release':
      return decommission(state, fleet, release)
  }
}

/** What is decided goes on; what would follow by itself waits for resume. */
function pause(release: ReleaseState, reason: string | null): Motion {
  if (!isActive(release)) return phaseConflict(release, 'Only a release under way can be paused.')
  if (release.paused) return phaseConflict(release, 'It is paused already.')
  return { events: [{ type: 'release-paused', v: 1, release: release.id, reason }] }
}

function resume(release: ReleaseState): Motion {
  if (!release.paused) return phaseConflict(release, 'It is not paused.')
  return { events: [{ type: 'release-resumed', v: 1, release: release.id }] }
}

function approve(
  app: AppState,
  release: ReleaseState,
  actor: string,
  reason: string | null,
): Motion {
  if (!isActive(release) || (app.intent.approvals ?? 0) === 0) {
    return phaseConflict(release, 'Only a release under way that needs approvals takes them.')
  }
  if (actor === release.createdBy) {
    return reject('self-approval', `${actor} has created ${release.id} and cannot approve it.`, {
      fix: 'Ask somebody else, with a token of their own.',
      evidence: { release: release.id, createdBy: actor },
    })
  }
  const already = release.approvals.some(({ by }) => by === actor)
  return {
    events: already ? [] : [{ type: 'release-approved', v: 1, release: release.id, reason }],
  }
}

function abort(
  state: State,
  fleet: Fleet,
  app: AppState,
  release: ReleaseState,
  now: number,
): Motion {
  const reason = because('asked to abort', troublesOf(state, fleet, release, now))
  switch (release.phase) {
    case 'starting':
    case 'ready':
      return { events: [{ type: 'release-aborted', v: 1, release: release.id, reason }] }
    case 'preparing':
      if (release.stepsDone > 0) return abortBack(state, app, release, reason, now)
      return { events: abortEvents(app.switch!, release, reason) }
    case 'progressing':
      return abortBack(state, app, release, reason, now)
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
  if (phase !== 'retired' || isBeingReplaced(release)) {
    return phaseConflict(
      release,
      isActive(release)
        ? 'Abort it; its copies then stop by themselves.'
        : 'Its copies stop by themselves, or have stopped.',
    )
  }
  if (ledger.unacknowledged.length > 0) {
    const names = ledger.unacknowledged.map(agentPlace)
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
