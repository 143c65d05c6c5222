/**
 * What a token that is limited to some apps or clusters may change: judged from the intent and the state, so
 * that nothing which an intent touches is forgotten, and every way to ask is judged alike.
 */
import type { FreezeIntent } from '#wire/freeze.ts'
import type { TokenScope } from '#wire/token.ts'
import type { DomainEvent } from './event.ts'
import type { Intent } from './input.ts'
import { reject } from './rejections.ts'
import { appOf, releaseOf, type State, type TokenState } from './state.ts'

/** Null: all of them. */
export interface Permit {
  readonly apps: readonly string[] | null
  readonly clusters: readonly string[] | null
}

export const everything: Permit = { apps: null, clusters: null }

export const isLimited = ({ apps, clusters }: Permit): boolean => apps !== null || clusters !== null

/** Scopes as they are meant: each may look, and `admin` may everything. */
export function mayDo(scopes: readonly TokenScope[], needed: TokenScope): boolean {
  if (scopes.includes('admin')) return true
  return needed === 'read' ? scopes.length > 0 : scopes.includes(needed)
}

export const scopesOf = ({ scope, scopes }: TokenState): readonly TokenScope[] => scopes ?? [scope]

/** The rejection of an intent outside the permit; null when it may be asked. */
export function permitFault(state: State, intent: Intent, permit: Permit) {
  if (!isLimited(permit)) return null
  const { apps, clusters } = touchedBy(state, intent)
  return outside('app', apps, permit.apps) ?? outside('cluster', clusters, permit.clusters)
}

export function outside(
  what: 'app' | 'cluster',
  touched: readonly string[] | null,
  permitted: readonly string[] | null,
) {
  if (permitted === null) return null
  const foreign = touched?.find((name) => !permitted.includes(name))
  if (touched !== null && foreign === undefined) return null
  const list = permitted.map((name) => `"${name}"`).join(', ')
  const asked = foreign === undefined ? `every ${what}` : `the ${what} "${foreign}"`
  return reject('forbidden', `This token is for the ${what}s ${list}; this is about ${asked}.`, {
    fix: 'Use a token without that limit; `POST /v1/tokens` makes one.',
  })
}

/** Apps and clusters that an intent is about; null: all, or the installation itself. */
function touchedBy(state: State, intent: Intent): Permit {
  switch (intent.type) {
    case 'put-app': {
      const held = appOf(state, intent.app)?.intent.clusters ?? []
      return { apps: [intent.app], clusters: [...intent.body.clusters, ...held] }
    }
    case 'delete-app':
      return { apps: [intent.app], clusters: appOf(state, intent.app)?.intent.clusters ?? [] }
    case 'create-release': {
      const { app, clusters } = intent.body
      return { apps: [app], clusters: clusters ?? appOf(state, app)?.intent.clusters ?? [] }
    }
    case 'set-freeze': {
      // What is replaced is lifted.
      const held = state.freezes.get(intent.name)?.intent ?? intent.body
      return both(boundsOf(held), boundsOf(intent.body))
    }
    case 'lift-freeze': {
      const held = state.freezes.get(intent.name)?.intent
      return held ? boundsOf(held) : everything
    }
    case 'put-ingress':
    case 'delete-ingress':
    case 'forget-agent':
      return { apps: null, clusters: [intent.cluster] }
    default:
      if (!('release' in intent)) return everything
      return releasePermit(state, intent.release)
  }
}

function releasePermit(state: State, id: string): Permit {
  const release = releaseOf(state, id)
  return { apps: [appOfRelease(id)], clusters: release?.clusters ?? [] }
}

export const appOfRelease = (id: string): string => id.replace(/-r[1-9][0-9]*$/, '')

/** What a freeze is about. */
export const boundsOf = ({ apps, clusters }: FreezeIntent): Permit => ({
  apps: apps ?? null,
  clusters: clusters ?? null,
})

const both = (one: Permit, other: Permit): Permit => ({
  apps: one.apps && other.apps && [...one.apps, ...other.apps],
  clusters: one.clusters && other.clusters && [...one.clusters, ...other.clusters],
})

/** Somebody with the permit is concerned by what is about these apps and clusters. */
export function concerns(about: Permit, permit: Permit): boolean {
  const meet = (some: Permit['apps'], others: Permit['apps']) =>
    some === null || others === null || some.some((name) => others.includes(name))
  return meet(about.apps, permit.apps) && meet(about.clusters, permit.clusters)
}

/** One record may hold conclusions about several apps: may this one be seen? */
export function maySeeEvent(event: DomainEvent, permit: Permit): boolean {
  const app =
    'app' in event ? event.app : 'release' in event ? appOfRelease(event.release) : undefined
  // An Ingress is no app's: whoever is for some apps sees none.
  const isIngress = 'namespace' in event
  const inApps =
    app === undefined ? !isIngress || permit.apps === null : (permit.apps?.includes(app) ?? true)
  const cluster = 'cluster' in event ? event.cluster : undefined
  return inApps && (cluster === undefined || (permit.clusters?.includes(cluster) ?? true))
}
