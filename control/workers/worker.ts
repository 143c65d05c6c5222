/**
 * The entry on Cloudflare Workers: every request goes to the one Durable Object that is the fleet's
 * control plane. `wrangler.toml` at the root names both. The platform ends an object for a new version, or at
 * one of its limits; who waited for an answer is told how to go on.
 */
import { problem } from '../api/problem.ts'
import { type Environment, Fleet } from './fleet.ts'

const worker = {
  async fetch(request: Request, { FLEET }: Environment): Promise<Response> {
    try {
      return await FLEET.get(FLEET.idFromName('fleet')).fetch(request)
    } catch {
      // The platform's log has the reason.
      return problem(cut)
    }
  },
}

const cut = {
  code: 'control-starting',
  detail: 'The Durable Object was ended while it answered, and begins anew.',
  fix: 'Send it again in a moment with the same Idempotency-Key: what was accepted counts once.',
} as const

export { Fleet, worker as default }
