/**
 * How often callers may call: in windows of ten seconds, apart for each token and each agent, and for each
 * address while its token is not known. Addresses share a fixed number of places by their hash, so that no
 * flood of them can grow the memory.
 */
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import { digestOf } from '#wire/digest.ts'
import { limits } from '#wire/limits.ts'
import { agentPlace } from '#wire/names.ts'
import type { Access, Principal } from './operation.ts'
import { problem } from './problem.ts'

export interface RateLimits {
  /** Calls of one token in `limits.rateWindowMs` that look, and that change something. */
  readonly reads: number
  readonly changes: number
}

export const defaultRates: RateLimits = {
  reads: limits.readsPerWindow,
  changes: limits.changesPerWindow,
}

export interface Rates {
  /** Null: go on. */
  ofCaller(principal: Principal, access: Access, isChange: boolean): Promise<Response | null>
  /** A call whose token is missing, unknown, or not for this. */
  ofStranger(address: string | null): Promise<Response | null>
}

const addressPlaces = 1_024

export function createRates({ reads, changes }: RateLimits): Rates {
  const windowSeconds = limits.rateWindowMs / 1_000
  const limiter = (points: number) => ({
    points,
    memory: new RateLimiterMemory({ points, duration: windowSeconds }),
  })
  const readLimiter = limiter(reads)
  const changeLimiter = limiter(changes)
  const agentLimiter = limiter(limits.agentCallsPerWindow)
  const strangerLimiter = limiter(limits.strangerCallsPerWindow)

  async function consume(
    { points, memory }: ReturnType<typeof limiter>,
    key: string,
    who: string,
  ): Promise<Response | null> {
    try {
      await memory.consume(key)
      return null
    } catch (refused) {
      if (refused instanceof Error) throw refused
      return tooMany(who, points, (refused as RateLimiterRes).msBeforeNext)
    }
  }

  return {
    async ofCaller(principal, access, isChange) {
      if (access === 'open') return null
      switch (principal.kind) {
        case 'operator':
          return consume(
            isChange ? changeLimiter : readLimiter,
            principal.name,
            `The token "${principal.name}"`,
          )
        case 'agent':
          return consume(agentLimiter, agentPlace(principal), `The agent ${agentPlace(principal)}`)
        case 'enrolment':
          return consume(
            agentLimiter,
            `${principal.cluster}/`,
            `The enrolment token of ${principal.cluster}`,
          )
        default:
          return null
      }
    },
    ofStranger(address) {
      const place = Number.parseInt(digestOf(address ?? '').slice(0, 6), 16) % addressPlaces
      return consume(strangerLimiter, String(place), 'This address')
    },
  }
}

/** With the fields of the IETF's draft "RateLimit header fields for HTTP". */
function tooMany(who: string, points: number, waitMs: number): Response {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000))
  const windowSeconds = limits.rateWindowMs / 1_000
  return problem(
    {
      code: 'rate-limited',
      detail: `${who} has called ${points} times in ${windowSeconds} seconds.`,
      fix: `Go on in ${seconds} s; follow /v1/events instead of asking again and again.`,
      evidence: { retryAfterMs: waitMs },
    },
    {
      'retry-after': String(seconds),
      'ratelimit-policy': `"calls";q=${points};w=${windowSeconds}`,
      ratelimit: `"calls";r=0;t=${seconds}`,
    },
  )
}
