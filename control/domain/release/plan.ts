/**
 * A strategy is a list of steps, and each step is one proven switch: to a share of the users, in some
 * clusters, followed by a pause. Waves say which clusters go together; blue-green and rolling are one step
 * a wave, a canary is its steps in each wave.
 *
 *   waves [eu-1] [us-1], canary 10, 50   ─▶   10 eu-1 · 50 eu-1 · 100 eu-1 · 10 us-1 · 50 us-1 · 100 us-1
 */
import { limits } from '#wire/limits.ts'
import type { ReleaseIntent, Rolling, StepPause } from '#wire/release.ts'
import type { RollingState, Step } from '../state.ts'

type Asked = Pick<ReleaseIntent, 'strategy' | 'steps' | 'waves'>

export interface PlanFault {
  readonly pointer: string
  readonly message: string
}

export type Planned =
  | { readonly steps: readonly Step[] }
  | { readonly errors: readonly PlanFault[] }

interface Wave {
  readonly clusters: readonly string[]
  readonly pause?: StepPause | undefined
}

const promoted = { until: 'promote' } as const

/** What a canary does when nobody says how. */
const defaultSteps = [10, 25, 50].map((weight) => ({ weight, pause: promoted }))

/** The steps of a release for `clusters`; every cluster ends with all of its traffic. */
export function planOf(asked: Asked, clusters: readonly string[]): Planned {
  const errors = [...foreignClusters(asked, clusters), ...shrinkingWeights(asked, clusters)]
  if (errors.length > 0) return { errors }
  const waves = wavesOf(asked, clusters)
  const steps = waves.flatMap((wave, n) => {
    const own = asked.strategy === 'canary' ? canarySteps(asked, wave.clusters) : []
    const last = wholeStep(own, wave.clusters)
    const all = last ? [...own, last] : own
    // A wave's own pause stands behind its last step; behind the last wave there is nothing to wait for.
    const pause = n === waves.length - 1 ? null : (wave.pause ?? all.at(-1)!.pause)
    return all.with(-1, { ...all.at(-1)!, pause })
  })
  if (steps.length <= limits.stepsPerRelease) return { steps }
  const message = `these are ${steps.length} steps; at most ${limits.stepsPerRelease} are allowed`
  return { errors: [{ pointer: '/steps', message }] }
}

const wavesOf = ({ waves = [] }: Asked, clusters: readonly string[]): readonly Wave[] => {
  const named = new Set(waves.flatMap((wave) => wave.clusters))
  const rest = clusters.filter((cluster) => !named.has(cluster))
  const last = { clusters: rest, pause: undefined }
  return rest.length > 0 ? [...waves, last] : waves
}

function canarySteps({ steps = defaultSteps }: Asked, wave: readonly string[]): Step[] {
  return steps.flatMap((step): Step[] => {
    const asked = ('clusters' in step ? step.clusters : undefined) ?? wave
    const clusters = asked.filter((cluster) => wave.includes(cluster))
    return clusters.length > 0 ? [{ clusters, weight: step.weight, pause: step.pause ?? null }] : []
  })
}

/** The step that brings every cluster of the wave to the whole; null when the steps have done so. */
function wholeStep(steps: readonly Step[], wave: readonly string[]): Step | null {
  const left = wave.filter((cluster) => weightAfter(steps, cluster) < 100)
  return left.length > 0 ? { clusters: left, weight: 100, pause: null } : null
}

const weightAfter = (steps: readonly Step[], cluster: string): number =>
  steps.findLast((step) => step.clusters.includes(cluster))?.weight ?? 0

function foreignClusters({ steps = [], waves = [] }: Asked, clusters: readonly string[]) {
  const faults: PlanFault[] = []
  const seen = new Set<string>()
  const look = (list: readonly string[], pointer: string, once: boolean) => {
    for (const cluster of list) {
      const foreign = !clusters.includes(cluster)
      const again = once && seen.has(cluster)
      if (foreign) faults.push({ pointer, message: `"${cluster}" is not a cluster of the release` })
      else if (again)
        faults.push({ pointer, message: `"${cluster}" is in an earlier wave already` })
      if (once) seen.add(cluster)
    }
  }
  for (const [n, wave] of waves.entries()) look(wave.clusters, `/waves/${n}/clusters`, true)
  for (const [n, step] of steps.entries()) look(step.clusters ?? [], `/steps/${n}/clusters`, false)
  return faults
}

/** A user whom the candidate answers stays there (P10), so no step may take less than the one before. */
function shrinkingWeights({ steps = [] }: Asked, clusters: readonly string[]): PlanFault[] {
  const reached = new Map<string, number>()
  return steps.flatMap((step, n) => {
    const here = step.clusters ?? clusters
    const before = Math.max(...here.map((cluster) => reached.get(cluster) ?? 0))
    for (const cluster of here) reached.set(cluster, step.weight)
    if (step.weight >= before) return []
    const message = `${step.weight} is less than the ${before} of an earlier step`
    return [{ pointer: `/steps/${n}/weight`, message }]
  })
}

/** Kubernetes' ResolveFenceposts: surge is rounded up, unavailable down, and both are never 0. */
export function rollingOf(asked: Rolling, copies: number): RollingState {
  const { minReadyMs, progressDeadlineMs } = asked
  const maxSurge = resolved(asked.maxSurge, copies, Math.ceil)
  const maxUnavailable = resolved(asked.maxUnavailable, copies, Math.floor)
  return {
    maxSurge,
    maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable,
    minReadyMs,
    progressDeadlineMs,
  }
}

const resolved = (value: number | string, copies: number, round: (n: number) => number): number =>
  typeof value === 'number' ? value : round((Number.parseInt(value, 10) * copies) / 100)
