/**
 * Where copies live, without processes: what each cluster's newest snapshot asks for comes about one copy at
 * a time, by chance; copies that replace others within the bounds of their workload.
 */
import type { WorkloadObject } from '#wire/object.ts'
import type { RollingReport } from '#wire/report.ts'
import { objectsOf, type Tree } from '#wire/tree.ts'
import type { Random } from './random.ts'

export interface ModelPlatform {
  /** One copy starts or ends, where one should. */
  step(tree: Tree): void
  /** Everything that is asked for has come about. */
  settle(tree: Tree): void
  /** Ready copies by release. */
  ready(): ReadonlyMap<string, number>
  /** How far the replacements are that it has begun. */
  rolling(): readonly RollingReport[]
}

export function createModelPlatform(random: Random): ModelPlatform {
  const copies = new Map<string, number>()
  const count = (release: string) => copies.get(release) ?? 0
  let begun: readonly (WorkloadObject & Rolling)[] = []

  function replace(workload: WorkloadObject & Rolling): boolean {
    const { release, rolling } = workload
    if (rolling.paused) return false
    const old = rolling.replaces.filter((id) => count(id) > 0)
    const sum = old.reduce((total, id) => total + count(id), count(release))
    const mayStart = count(release) < workload.copies && sum < workload.copies + rolling.maxSurge
    const mayEnd = old.length > 0 && sum > workload.copies - rolling.maxUnavailable
    if (mayStart && (!mayEnd || random.chance(0.5))) copies.set(release, count(release) + 1)
    else if (mayEnd) copies.set(old[0]!, count(old[0]!) - 1)
    else return false
    return true
  }

  const platform: ModelPlatform = {
    step(tree) {
      begun = workloadsOf(tree).filter(isRolling)
      for (const workload of workloadsOf(tree)) {
        if (isRolling(workload)) replace(workload)
        else copies.set(workload.release, workload.copies)
      }
    },
    settle(tree) {
      begun = workloadsOf(tree).filter(isRolling)
      for (const workload of workloadsOf(tree)) {
        if (!isRolling(workload)) copies.set(workload.release, workload.copies)
        else while (replace(workload));
      }
    },
    ready: () => copies,
    rolling: () =>
      begun.map(({ release, rolling }) => {
        const old = rolling.replaces.reduce((sum, id) => sum + count(id), 0)
        const ready = count(release)
        return { release, updated: ready, ready, old, stalled: null }
      }),
  }
  return platform
}

interface Rolling {
  readonly rolling: NonNullable<WorkloadObject['rolling']>
}

const isRolling = (workload: WorkloadObject): workload is WorkloadObject & Rolling =>
  workload.rolling !== undefined

const known = new WeakMap<Tree, readonly WorkloadObject[]>()

/** What runs in a cluster; of what is not ours to run, one copy. */
function workloadsOf(tree: Tree): readonly WorkloadObject[] {
  const found =
    known.get(tree) ??
    [...objectsOf(tree)].flatMap((object): WorkloadObject[] => {
      if (object.kind === 'workload') return [object]
      if (object.kind !== 'backend' || object.platform !== 'static') return []
      return [{ ...object, kind: 'workload', program: 'static', copies: 1 }]
    })
  known.set(tree, found)
  return found
}
