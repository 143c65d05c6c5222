/** Intents about the installation itself: its beginning, its clusters, who may join and who may ask. */
import { currentFormat } from '#wire/header.ts'
import { limits } from '#wire/limits.ts'
import type { TokenView } from '#wire/token.ts'
import type { Ruling } from '../decide.ts'
import type { DomainEvent } from '../event.ts'
import type { Intent } from '../input.ts'
import { scopesOf } from '../permission.ts'
import { reject, unknownClusters } from '../rejections.ts'
import type { State, TokenState } from '../state.ts'

type FleetIntent = Extract<
  Intent,
  {
    type: 'init' | 'recover' | 'enrol-agent' | 'forget-agent' | 'create-token' | 'revoke-token'
  }
>

export function decideFleet(state: State, intent: FleetIntent, now: number): Ruling {
  switch (intent.type) {
    case 'init':
      return init(state, intent)
    case 'recover':
      return recover(state, intent)
    case 'enrol-agent':
      return enrol(state, intent)
    case 'forget-agent':
      return forget(state, intent)
    case 'create-token':
      return createToken(state, intent, now)
    case 'revoke-token':
      return revokeToken(state, intent)
  }
}

type Of<Type> = Extract<FleetIntent, { type: Type }>

const accepted = (events: readonly DomainEvent[], status: number, body: unknown): Ruling => ({
  events,
  status,
  body: () => body,
})

function init(state: State, { epochId, clusters, adminTokenHash }: Of<'init'>): Ruling {
  const events: DomainEvent[] = []
  if (state.epoch === null) {
    const epoch = { number: 1, id: epochId }
    events.push({ type: 'epoch-begun', v: 1, epoch, reason: 'init' })
    events.push({ type: 'format-raised', v: 1, format: currentFormat })
  }
  for (const { name: cluster, enrolmentTokenHash } of clusters) {
    const held = state.clusters.get(cluster)
    if (!held) events.push({ type: 'cluster-added', v: 1, cluster, enrolmentTokenHash })
    else if (held.enrolmentTokenHash !== enrolmentTokenHash) {
      events.push({ type: 'enrolment-token-replaced', v: 1, cluster, enrolmentTokenHash })
    }
  }
  const added = events.filter((event) => event.type === 'cluster-added').length
  if (state.clusters.size + added > limits.clusters) {
    return reject('limit-reached', `A fleet has at most ${limits.clusters} clusters.`)
  }
  if (adminTokenHash !== null) {
    const name = 'admin'
    events.push({ type: 'token-created', v: 1, name, scope: 'admin', tokenHash: adminTokenHash })
  }
  return accepted(events, 200, { clusters: clusters.map((cluster) => cluster.name) })
}

/** A restored log goes on under a higher epoch than any agent has seen; only then is it believed. */
function recover(state: State, { epochId: id, epochNumber: number }: Of<'recover'>): Ruling {
  const held = state.epoch?.number ?? 0
  if (number <= held) {
    return reject('invalid-request', `The epoch is ${held}; recover needs a higher one.`, {
      errors: [{ pointer: '/epochNumber', message: `more than ${held}` }],
    })
  }
  const epoch = { number, id }
  return accepted([{ type: 'epoch-begun', v: 1, epoch, reason: 'recover' }], 200, { epoch })
}

function enrol(state: State, intent: Of<'enrol-agent'>): Ruling {
  const { cluster, agent, publicKey, tokenHash } = intent
  const held = state.clusters.get(cluster)
  if (!held) return unknownClusters([cluster], '/cluster', 'no such cluster')
  if (!held.agents.has(agent) && held.agents.size >= limits.agentsPerCluster) {
    return reject('limit-reached', `A cluster has at most ${limits.agentsPerCluster} agents.`, {
      fix: 'Forget the agents that are gone for good.',
    })
  }
  const events: DomainEvent[] = [
    { type: 'agent-enrolled', v: 1, cluster, agent, publicKey, tokenHash },
  ]
  return accepted(events, 201, { cluster, agent })
}

function forget(state: State, { cluster, agent }: Of<'forget-agent'>): Ruling {
  const held = state.clusters.get(cluster)
  if (!held) return unknownClusters([cluster], '/cluster', 'no such cluster')
  if (!held.agents.has(agent)) {
    return reject('unknown-agent', `No agent of ${cluster} is called "${agent}".`)
  }
  return accepted([{ type: 'agent-forgotten', v: 1, cluster, agent }], 200, { cluster, agent })
}

/** A second token of one name replaces the first. */
function createToken(state: State, intent: Of<'create-token'>, now: number): Ruling {
  const { type: _, name, clusters = [], expiresInMs, ...token } = intent
  const unknown = clusters.filter((cluster) => !state.clusters.has(cluster))
  if (unknown.length > 0) return unknownClusters(unknown, '/clusters', 'no such cluster')
  if (!state.tokens.has(name) && state.tokens.size >= limits.tokens) {
    return reject('limit-reached', `There are ${limits.tokens} tokens already.`, {
      fix: 'Revoke the ones that nobody uses.',
    })
  }
  const event: DomainEvent = {
    type: 'token-created',
    v: 1,
    name,
    ...token,
    scopes: token.scopes && [...token.scopes],
    apps: token.apps && [...token.apps],
    ...(clusters.length > 0 && { clusters: [...clusters] }),
    ...(expiresInMs !== undefined && { expiresAtMs: now + expiresInMs }),
  }
  return {
    events: [withoutAbsent(event)],
    status: 201,
    body: (after) => tokenView(after.tokens.get(name)!),
  }
}

/** The log has no fields that say nothing. */
const withoutAbsent = (event: DomainEvent): DomainEvent =>
  Object.fromEntries(
    Object.entries(event).filter(([, value]) => value !== undefined),
  ) as DomainEvent

export const tokenView = (token: TokenState): TokenView => ({
  name: token.name,
  scopes: [...scopesOf(token)],
  apps: token.apps ? [...token.apps] : null,
  clusters: token.clusters ? [...token.clusters] : null,
  expiresAtMs: token.expiresAtMs ?? null,
})

function revokeToken(state: State, { name }: Of<'revoke-token'>): Ruling {
  if (!state.tokens.has(name)) {
    return reject('not-found', `No token is called "${name}".`, {
      fix: 'List them with GET /v1/tokens.',
    })
  }
  return accepted([{ type: 'token-revoked', v: 1, name }], 200, { name })
}
