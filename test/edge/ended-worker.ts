/** For tests: control on Workers, whose object can be ended as the platform ends one. */
import { type Environment, Fleet } from '../../control/workers/fleet.ts'
import type { ObjectState } from '../../control/workers/platform.ts'
import worker from '../../control/workers/worker.ts'

export class EndedFleet extends Fleet {
  readonly #end: () => void
  constructor(state: ObjectState, environment: Environment) {
    super(state, environment)
    this.#end = () => state.abort('the platform ends the object')
  }
  override fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === '/end') this.#end()
    return super.fetch(request)
  }
}

export { worker as default }
