/** A held tree as the pilot reads it: positions, backends and workloads by name, kept up change by change. */
import type { BackendObject, PositionObject, SnapshotObject, WorkloadObject } from '#wire/object.ts'
import { type Changes, difference, emptyTree, type Tree } from '#wire/tree.ts'
import type { Workload } from '../../platform/platform.ts'

export interface Catalogue {
  readonly positions: ReadonlyMap<string, PositionObject>
  readonly backends: ReadonlyMap<string, BackendObject>
  readonly workloads: ReadonlyMap<string, WorkloadObject>
  /** Services that routes of Ingress objects lead to, by the routes' keys. */
  readonly services: ReadonlyMap<string, string>
  /** Moves to another tree. */
  follow(tree: Tree): CatalogueChange
}

export interface CatalogueChange {
  /** Something else than a position has changed: the table may be another. */
  readonly content: boolean
  readonly positions: readonly PositionObject[]
}

export function createCatalogue(): Catalogue {
  const positions = new Map<string, PositionObject>()
  const backends = new Map<string, BackendObject>()
  const workloads = new Map<string, WorkloadObject>()
  const services = new Map<string, string>()
  let followed = emptyTree

  function put(object: SnapshotObject): void {
    if (object.kind === 'position') positions.set(object.app, object)
    else if (object.kind === 'backend') backends.set(object.release, object)
    else if (object.kind === 'workload') workloads.set(object.release, object)
    else if (object.kind === 'route' && object.service) services.set(object.key, object.service)
  }

  function remove(key: string): void {
    const name = key.slice(key.indexOf('/') + 1)
    if (key.startsWith('position/')) positions.delete(name)
    else if (key.startsWith('backend/')) backends.delete(name)
    else if (key.startsWith('workload/')) workloads.delete(name)
    else services.delete(key)
  }

  return {
    positions,
    backends,
    workloads,
    services,
    follow(tree) {
      const changes: Changes = difference(followed, tree)
      followed = tree
      for (const key of changes.remove) remove(key)
      for (const object of changes.put) put(object)
      return {
        content:
          changes.put.some((object) => object.kind !== 'position') ||
          changes.remove.some((key) => !key.startsWith('position/')),
        positions: changes.put.filter((object) => object.kind === 'position'),
      }
    },
  }
}

/** What shall run, and on Kubernetes the share of the users that each is decided to answer. */
export const workloadsOf = ({
  positions,
  backends,
  workloads,
}: Pick<Catalogue, 'positions' | 'backends' | 'workloads'>): readonly Workload[] =>
  [...workloads.values()].map(({ kind: _kind, key: _key, ...workload }) => {
    const position = workload.kubernetes && positions.get(workload.app)
    return position
      ? { ...workload, share: shareOf(position, backends, workload.release) }
      : workload
  })

/**
 * In percent, with two digits behind the point. A rolling release shares the endpoints of what it replaces: until
 * they have gone its users are answered by those as well.
 */
function shareOf(
  { weights }: PositionObject,
  backends: Catalogue['backends'],
  asked: string,
): number {
  const sum = (of: typeof weights) => of.reduce((total, { weight }) => total + weight, 0)
  const all = sum(weights)
  const own = weights.filter(
    ({ release }) => release === asked || backends.get(release)?.shares?.includes(asked),
  )
  return all === 0 ? 0 : Math.round((sum(own) / all) * 10_000) / 100
}
