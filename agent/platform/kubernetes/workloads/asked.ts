/**
 * The few fields of a Deployment that a snapshot speaks about, three times: as asked now, as asked before (an
 * annotation of ours), and as they are. What we asked for anew is written; what others have changed since is
 * reported and left alone.
 */
import { z } from 'zod'
import type { Deployment, ReplicaSet } from './kube-object.ts'
import { annotation } from './labels.ts'
import type { Wanted } from './wanted.ts'

const bound = z.union([z.int(), z.string()])

const askedFields = z.object({
  image: z.string().optional(),
  copies: z.int().optional(),
  paused: z.boolean().optional(),
  maxSurge: bound.optional(),
  maxUnavailable: bound.optional(),
  minReadySeconds: z.int().optional(),
  progressDeadlineSeconds: z.int().optional(),
})

export type Asked = z.infer<typeof askedFields>
type Field = keyof Asked
const fields = Object.keys(askedFields.shape) as Field[]

/** Of a release in its Deployment. An adopted one is not told how many copies it has. */
export function askedOf({ image, copies, rolling, deployment }: Wanted): Asked {
  return {
    ...(image !== undefined && { image }),
    ...(deployment === undefined && { copies }),
    ...(rolling ? rulesOf(rolling) : { paused: false }),
  }
}

/** In Kubernetes' seconds, and never against its rules: the deadline is longer than the wait, one may move. */
function rulesOf(rolling: NonNullable<Wanted['rolling']>): Asked {
  const { maxSurge, maxUnavailable, minReadyMs, progressDeadlineMs, paused } = rolling
  const minReadySeconds = Math.ceil(minReadyMs / 1_000)
  return {
    paused,
    maxSurge,
    maxUnavailable: maxSurge === 0 ? Math.max(1, maxUnavailable) : maxUnavailable,
    minReadySeconds,
    progressDeadlineSeconds: Math.max(Math.ceil(progressDeadlineMs / 1_000), minReadySeconds + 1),
  }
}

/**
 * Nothing, when nobody has asked before or the annotation is not ours to understand. Kubernetes copies what a
 * Deployment is annotated with into the ReplicaSet of its pods.
 */
export function askedBefore({ metadata }: Pick<Deployment | ReplicaSet, 'metadata'>): Asked {
  try {
    return askedFields.parse(JSON.parse(metadata.annotations[annotation.asked] ?? '{}'))
  } catch {
    return {}
  }
}

export const askedText = (asked: Asked): string =>
  JSON.stringify(Object.fromEntries(fields.flatMap((field) => entry(asked, field))))

const entry = (asked: Asked, field: Field) =>
  asked[field] === undefined ? [] : [[field, asked[field]] as const]

export const containerOf = ({ spec }: Pick<Deployment, 'spec'>, name: string | undefined) =>
  name === undefined
    ? spec.template.spec.containers[0]
    : spec.template.spec.containers.find((one) => one.name === name)

export function liveOf(deployment: Deployment, container: string | undefined): Asked {
  const { spec } = deployment
  const image = containerOf(deployment, container)?.image
  const { maxSurge, maxUnavailable } = spec.strategy?.rollingUpdate ?? {}
  const { progressDeadlineSeconds } = spec
  return {
    ...(image !== undefined && { image }),
    copies: spec.replicas,
    paused: spec.paused ?? false,
    ...(maxSurge !== undefined && { maxSurge }),
    ...(maxUnavailable !== undefined && { maxUnavailable }),
    minReadySeconds: spec.minReadySeconds ?? 0,
    ...(progressDeadlineSeconds !== undefined && { progressDeadlineSeconds }),
  }
}

export interface Merged {
  /** Every field that is ours, with the value that it shall have. */
  readonly target: Asked
  /** To be remembered as asked. */
  readonly asked: Asked
  /** What others have changed since it was asked: left as they want it. */
  readonly drift: readonly {
    readonly field: Field
    readonly asked: unknown
    readonly found: unknown
  }[]
}

/**
 * `scaled`: an autoscaler has the Deployment, so that its number of replicas is not ours to say. A Deployment
 * that was adopted with more replicas than the app asks for keeps them.
 */
export function merge(before: Asked, now: Asked, live: Asked, scaled: boolean): Merged {
  const target: Record<string, unknown> = {}
  const drift: Merged['drift'][number][] = []
  for (const field of fields) {
    const [was, is, found] = [before[field], now[field], live[field]]
    if (is === undefined && was === undefined) continue
    if (is === undefined || is === was) {
      target[field] = found
      if (is !== undefined && is !== found && !(field === 'copies' && scaled)) {
        drift.push({ field, asked: is, found })
      }
    } else if (field === 'copies') {
      const least = was === undefined ? Math.max(live.copies ?? 0, now.copies ?? 0) : is
      target[field] = scaled ? found : least
    } else target[field] = is
  }
  return { target: target as Asked, asked: { ...before, ...now }, drift }
}

export const isSame = (one: Asked, other: Asked): boolean =>
  fields.every((field) => one[field] === undefined || one[field] === other[field])
