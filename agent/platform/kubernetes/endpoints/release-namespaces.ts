/**
 * In which namespace the pods of each release are, by the desired workloads, and which releases replace each other.
 * A release that is being replaced has no workload any more and lives on in that of its successor; one whose
 * workload is gone while its backend stays is where it was. Pure.
 */
import type { Backend, Workload } from '../../platform.ts'

export function releaseNamespaces(
  backends: readonly Backend[],
  workloads: readonly Workload[],
  former: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const known = new Map(former)
  for (const { kubernetes, rolling } of workloads) {
    for (const replaced of rolling?.replaces ?? []) {
      if (kubernetes) known.set(replaced, kubernetes.namespace)
    }
  }
  for (const { release, kubernetes } of workloads) {
    if (kubernetes) known.set(release, kubernetes.namespace)
  }
  const found = new Map<string, string>()
  for (const { release, platform } of backends) {
    const namespace = known.get(release)
    if (platform === 'kubernetes' && namespace !== undefined) found.set(release, namespace)
  }
  return found
}

export type Siblings = ReadonlyMap<string, readonly string[]>

/**
 * By release: those whose copies it replaces or that replace its own, so that they answer for each other. Those that have
 * been siblings are so while both of them are among the `releases`: when the last copy is replaced, old ones that
 * still end must not come back as all that their release has, because workers may share them for a moment longer.
 */
export function releaseSiblings(
  workloads: readonly Workload[],
  releases: ReadonlyMap<string, string>,
  former: Siblings,
): Siblings {
  const siblings = new Map<string, readonly string[]>()
  for (const [release, others] of former) {
    const left = releases.has(release) ? others.filter((one) => releases.has(one)) : []
    if (left.length > 0) siblings.set(release, left)
  }
  for (const { release, rolling } of workloads) {
    const all = [release, ...(rolling?.replaces ?? [])]
    if (all.length === 1) continue
    for (const one of all) {
      const others = all.filter((other) => other !== one)
      siblings.set(one, [...new Set([...(siblings.get(one) ?? []), ...others])])
    }
  }
  return siblings
}
