/**
 * What is asked for next, by chance: the operators of the simulation, held to what a fleet on one small
 * machine can carry, and to apps that stay where the load looks for them.
 */
import type { ReleasePhase, ReleaseView } from '#wire/release.ts'
import type { Intent } from '../../control/domain/input.ts'
import {
  clusters,
  createRelease,
  freeze,
  motion,
  motions,
  putApp,
  usual,
} from '../simulation/operators.ts'
import type { Random } from '../simulation/random.ts'

/** Releases of one app that run copies at the same time. */
const besideMax = 4
const over: readonly ReleasePhase[] = ['decommissioned', 'decommissioning', 'aborted']

export function nextIntent(
  random: Random,
  app: string,
  releases: readonly ReleaseView[],
  now: number,
): Intent | null {
  const running = releases.filter(({ phase }) => !over.includes(phase))
  const wish = random.next()
  if (wish < 0.03) return freeze(random, now)
  if (wish < 0.1) return settledApp(random, app)
  const isFree = running.every(({ phase }) => phase === 'live' || phase === 'retired')
  if (wish < (isFree ? 0.6 : 0.15) && running.length < besideMax) return safeRelease(random, app)
  // Who stands alone cannot go back: mostly not worth asking.
  const worthwhile = running.filter(
    ({ phase, rollback }) => phase !== 'live' || rollback.to !== null,
  )
  const choices = worthwhile.length > 0 && wish < 0.97 ? worthwhile : running
  if (choices.length === 0) return null
  const { id, phase } = random.pick(choices)
  const choice = wish < 0.97 ? (usual[phase] ?? motions) : motions
  return choice.length > 0 ? motion(random, random.pick(choice), id) : null
}

/** Without a copy above the number, the only one of an app would end before the next is ready. */
function safeRelease(random: Random, app: string): Intent {
  const intent = createRelease(random, app)
  if (intent.type !== 'create-release') return intent
  const { rolling } = intent.body
  if (rolling?.maxSurge !== 0) return intent
  return { ...intent, body: { ...intent.body, rolling: { ...rolling, maxSurge: 1 } } }
}

/** In all clusters, with programs that run here, and few copies. */
export function settledApp(random: Random, app: string): Intent {
  const intent = putApp(random, app)
  if (intent.type !== 'put-app') return intent
  return {
    ...intent,
    body: {
      ...intent.body,
      clusters: [...clusters],
      platform: { type: 'local', program: 'shop' },
      copies: random.pick([1, 2]),
    },
  }
}
