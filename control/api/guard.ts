/**
 * Who may ask (DESIGN D14): bearer tokens with scopes; and on a loopback or named listener only the hosts
 * and origins that it answers to, so that a web page cannot reach it under a name of its own (DNS
 * rebinding).
 */
import type { Context } from 'hono'
import type { Rejection } from '#wire/codes.ts'
import { mayDo, scopesOf } from '../domain/permission.ts'
import type { TokenState } from '../domain/state.ts'
import { findByHash, hashToken, looksLikeToken } from '../trust/tokens.ts'
import type { Access, Guard, Principal } from './operation.ts'
import { problem } from './problem.ts'

/** The hashes that tokens are compared with: a reading of the state. */
export interface Credentials {
  operatorTokens(): Iterable<TokenState>
  /** Wall clock: tokens may expire. */
  now(): number
  enrolmentTokens(): Iterable<{ readonly cluster: string; readonly tokenHash: string }>
  agentTokens(cluster: string): Iterable<{ readonly agent: string; readonly tokenHash: string }>
}

export function createGuard(credentials: Credentials): Guard {
  const identify = (context: Context): Principal | Expired => {
    const token = bearerToken(context.req.header('authorization'))
    if (token === null) return { kind: 'nobody' }
    const tokenHash = hashToken(token)
    if (token.startsWith('swy_agent_')) {
      const cluster = context.req.param('cluster') ?? ''
      const found = findByHash(
        credentials.agentTokens(cluster),
        (agent) => agent.tokenHash,
        tokenHash,
      )
      return found ? { kind: 'agent', cluster, agent: found.agent } : { kind: 'nobody' }
    }
    if (token.startsWith('swy_enrol_')) {
      const found = findByHash(
        credentials.enrolmentTokens(),
        (holder) => holder.tokenHash,
        tokenHash,
      )
      return found ? { kind: 'enrolment', cluster: found.cluster } : { kind: 'nobody' }
    }
    const found = findByHash(credentials.operatorTokens(), (holder) => holder.tokenHash, tokenHash)
    if (!found) return { kind: 'nobody' }
    const { name, apps = null, clusters = null, expiresAtMs } = found
    if (expiresAtMs !== undefined && expiresAtMs <= credentials.now()) {
      return { kind: 'expired', name, atMs: expiresAtMs }
    }
    return { kind: 'operator', name, scopes: scopesOf(found), permit: { apps, clusters } }
  }
  return (context, access) => {
    if (access === 'open') return { kind: 'nobody' }
    const principal = identify(context)
    if (principal.kind === 'expired') return problem(expired(principal))
    if (principal.kind === 'nobody') {
      const sent = context.req.header('authorization') !== undefined
      return problem(sent ? unknownToken(access) : unauthenticated(access))
    }
    return mayUse(principal, access) ? principal : problem(forbidden(principal, access))
  }
}

function bearerToken(authorization: string | undefined): string | null {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
  return looksLikeToken(token) ? token : null
}

function mayUse(principal: Principal, access: Access): boolean {
  if (access === 'agent' || access === 'enrolment') return principal.kind === access
  return principal.kind === 'operator' && access !== 'open' && mayDo(principal.scopes, access)
}

interface Expired {
  readonly kind: 'expired'
  readonly name: string
  readonly atMs: number
}

const expired = ({ name, atMs }: Expired): Rejection => ({
  code: 'unauthenticated',
  detail: `The token "${name}" has expired on ${new Date(atMs).toISOString()}.`,
  fix: 'Ask for a new one: `POST /v1/tokens` makes it.',
})

const quotedList = (scopes: readonly string[]): string =>
  scopes.map((scope) => `"${scope}"`).join(' and ')

const unauthenticated = (access: Access): Rejection => ({
  code: 'unauthenticated',
  detail: `This call needs a token: ${wanted(access)}.`,
  fix: 'Send `Authorization: Bearer <token>`; `control init` wrote the first ones to its state folder.',
})

/** Revoked, of another control, or cut off: which of them, nobody can tell from a hash. */
const unknownToken = (access: Access): Rejection => ({
  code: 'unauthenticated',
  detail: `The token that was sent is unknown here or revoked; this call needs ${wanted(access)}.`,
  fix: 'Look whether it is whole, sent as `Authorization: Bearer <token>`, and of this control; `POST /v1/tokens` makes another.',
})

const forbidden = (principal: Principal, access: Access): Rejection => ({
  code: 'forbidden',
  detail:
    principal.kind === 'operator'
      ? `The token "${principal.name}" has the scope ${quotedList(principal.scopes)}; this call needs ${wanted(access)}.`
      : `A token of kind "${principal.kind}" was sent; this call needs ${wanted(access)}.`,
  fix: 'Use another token; `POST /v1/tokens` makes one.',
})

const wanted = (access: Access): string =>
  access === 'agent'
    ? 'the token that this agent was given when it enrolled'
    : access === 'enrolment'
      ? "the cluster's enrolment token"
      : `an operator's with the scope "${access}"`

export interface Listener {
  /** Names and addresses this API answers to, without ports; null: any Host. */
  readonly hosts: readonly string[] | null
}

/** The Host and Origin check; null when the request may go on. */
export function foreign(request: Request, listener: Listener): Response | null {
  const host = request.headers.get('host') ?? new URL(request.url).host
  const origin = request.headers.get('origin')
  if (listener.hosts !== null && !listener.hosts.includes(nameOf(host))) {
    return problem(
      foreignRejection(
        'Host',
        'Call it by an address it listens on, or start control with --host.',
      ),
    )
  }
  if (origin !== null && !sameOrigin(origin, host)) {
    return problem(foreignRejection('Origin', 'Calls from pages of other sites are not taken.'))
  }
  return null
}

const foreignRejection = (header: string, fix: string): Rejection => ({
  code: 'foreign-origin',
  detail: `The ${header} header is not one that this API answers to.`,
  fix,
  errors: [{ pointer: header.toLowerCase(), message: 'not allowed here' }],
})

/** The name or address in `Host`, lower-case, without its port. */
const nameOf = (host: string): string => host.toLowerCase().replace(/:\d*$/, '')

function sameOrigin(origin: string, host: string): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin)
  return match !== null && match[1]!.toLowerCase() === host.toLowerCase()
}
