/**
 * The entry on Cloudflare Workers: every request goes to the one Durable Object that is the fleet's
 * control plane. `wrangler.toml` at the root names both.
 */
import { type Environment, Fleet } from './fleet.ts'

const worker = {
  fetch(request: Request, { FLEET }: Environment): Promise<Response> {
    return FLEET.get(FLEET.idFromName('fleet')).fetch(request)
  },
}

export { Fleet, worker as default }
