/** The endpoint half of explain: control's ends at the release, this agent knows where its copies are. */
import { BadRequest } from './admin.ts'
import type { Progress } from './convergence.ts'

export function explainHere(_progress: Progress, _body: unknown): unknown {
  throw new BadRequest('explain is not there yet')
}
