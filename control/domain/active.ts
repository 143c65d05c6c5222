/** Whether an accepted intent has come true at every agent that is asked: what `?wait=active` waits for. */
import type { Fleet } from './fleet.ts'
import type { Intent } from './input.ts'
import type { State } from './state.ts'

/**
 * `failed`: it will not come true any more, for example because its switch was aborted. `revision` is that
 * of the answer.
 */
export declare function intentActive(
  state: State,
  fleet: Fleet,
  intent: Intent,
  revision: number,
  now: number,
): 'active' | 'pending' | 'failed'
