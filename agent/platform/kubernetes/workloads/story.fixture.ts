/** A namespace with what users have in it, and histories of snapshots as control makes them, from a few numbers. */
import { type ApiServer, createApiServer } from './api-server.fixture.ts'
import { annotation, type Place } from './labels.ts'
import { type Outcome, reconcile } from './reconcile.ts'
import type { Wanted } from './wanted.ts'
import type { Note } from './write.ts'

export interface Snapshot {
  readonly place: Place
  readonly wanted: readonly Wanted[]
}

export function serverWithTemplate(): ApiServer {
  const server = createApiServer()
  server.put({
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'switchyard.dev/managed': 'true' } },
  })
  server.put(deploymentOf('shop', { app: 'shop' }, { team: 'a' }))
  server.put({
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { selector: { app: 'shop' }, ports: [{ name: 'web', port: 80, targetPort: 8080 }] },
  })
  server.put(deploymentOf('app-blue', { run: 'app', version: 'blue' }))
  server.put(deploymentOf('app-green', { run: 'app', version: 'green' }))
  return server
}

export const deploymentOf = (
  name: string,
  selector: Record<string, string>,
  more: Record<string, string> = {},
) => ({
  kind: 'Deployment' as const,
  metadata: { name, namespace: 'shop' },
  spec: {
    replicas: 3,
    selector: { matchLabels: selector },
    template: {
      metadata: { labels: { ...selector, ...more } },
      spec: {
        containers: [
          { name: 'app', image: `${name}:0`, env: [{ name: 'COLOUR', value: name }] },
          { name: 'sidecar', image: 'sidecar:1' },
        ],
      },
    },
  },
})

export const imageRelease = (number: number, more: Partial<Wanted> = {}): Wanted => ({
  app: 'shop',
  release: `shop-r${number}`,
  version: `0.0.${number}`,
  namespace: 'shop',
  port: 8080,
  template: 'shop',
  image: `shop:${number}`,
  copies: 3,
  ...more,
})

export function adoptedRelease(number: number, deployment: string): Wanted {
  const { image: _, ...rest } = imageRelease(number)
  return { ...rest, deployment }
}

export const rollingOver = (replaces: readonly string[], paused = false): Wanted['rolling'] => ({
  replaces: [...replaces],
  maxSurge: 1,
  maxUnavailable: 0,
  minReadyMs: 0,
  progressDeadlineMs: 60_000,
  paused,
})

export type Undisputed = (
  place: Place,
  wanted: readonly Wanted[],
  keepsOrphans?: boolean,
  stampAll?: boolean,
) => Promise<Outcome>

/** Applies as a holder whom nobody disputes. */
export const undisputed =
  (server: ApiServer, notes: Note[], name = 'eu-1'): Undisputed =>
  (place, wanted, keepsOrphans = false, stampAll = false) => {
    const fence = { prove: async () => 'held' as const, keepsOrphans: () => keepsOrphans }
    const task = { name, place, wanted, stampAll }
    const { signal } = new AbortController()
    return reconcile(server.client(), fence, task, (note) => notes.push(note), signal)
  }

/** What an operator does next; what is not possible then is left out. */
export const moves = [
  'release',
  'adopt-blue',
  'adopt-green',
  'roll',
  'roll-back',
  'finish',
  'decommission',
  'pause',
  'copies',
  'lead',
  'switch',
] as const
export type Move = (typeof moves)[number]

/** Each snapshot follows from the one before it by one move. */
export function historyOf(asked: readonly Move[], epoch = 1): readonly Snapshot[] {
  let number = 0
  let copies = 3
  const former = new Map<string, Wanted>()
  let wanted: readonly Wanted[] = []
  const plain = ({ rolling: _, ...rest }: Wanted): Wanted => rest
  const rolls = () => wanted.find((one) => one.rolling)
  /** The app's own Service stays with what is live: the copies that replace, and those that are not removed. */
  const swap = (out: Wanted, { service: _, ...into }: Wanted) => {
    former.set(out.release, plain(out))
    const live = out.service === undefined ? into : { ...into, service: out.service }
    return [...wanted.filter((one) => one !== out), live]
  }

  function next(move: Move): readonly Wanted[] | null {
    const active = rolls()
    const newest = wanted.at(-1)
    switch (move) {
      case 'release':
        return active ? null : [...wanted, imageRelease(++number, { copies })]
      case 'adopt-blue':
      case 'adopt-green': {
        const deployment = move === 'adopt-blue' ? 'app-blue' : 'app-green'
        const isUsed = [...wanted, ...former.values()].some((one) => one.deployment === deployment)
        return active || isUsed ? null : [...wanted, adoptedRelease(++number, deployment)]
      }
      case 'roll':
        return active || !newest
          ? null
          : swap(newest, imageRelease(++number, { copies, rolling: rollingOver([newest.release]) }))
      case 'roll-back': {
        const back = active && former.get(active.rolling!.replaces[0]!)
        if (!active || !back) return null
        const others = active.rolling!.replaces.slice(1)
        return swap(active, { ...back, copies, rolling: rollingOver([active.release, ...others]) })
      }
      case 'finish':
        return active ? wanted.map((one) => (one === active ? plain(one) : one)) : null
      case 'decommission':
        return !active && wanted.length > 1 && !wanted[0]!.service ? wanted.slice(1) : null
      case 'pause':
        return active
          ? wanted.map((one) =>
              one === active
                ? { ...one, rolling: rollingOver(one.rolling!.replaces, !one.rolling!.paused) }
                : one,
            )
          : null
      // The app's own Service follows the newest.
      case 'lead':
        return active || !newest
          ? null
          : wanted.map(({ service: _, ...one }) =>
              one.release === newest.release ? { ...one, service: 'web' } : one,
            )
      case 'switch':
        return newest
          ? wanted.map((one) => ({ ...one, share: one.release === newest.release ? 100 : 0 }))
          : null
      case 'copies':
        copies = copies === 3 ? 5 : 3
        return wanted.map((one) => ({ ...one, copies }))
    }
  }

  const snapshots: Snapshot[] = []
  for (const [index, move] of asked.entries()) {
    const changed = next(move)
    if (!changed) continue
    wanted = [...changed]
    const sorted = [...wanted].sort((a, b) => (a.release < b.release ? -1 : 1))
    snapshots.push({ place: { epoch, revision: index + 1 }, wanted: sorted })
  }
  return snapshots
}

/**
 * The objects that stay, whole, but for what counts or tells when something was written: uid, version and
 * generation, the place of the snapshot that wrote last (whoever takes the lease over writes its own on all),
 * and what is Kubernetes' own: the number of the ReplicaSet and the status. An owner is told by its name.
 */
export function essence(server: ApiServer): readonly unknown[] {
  const all = server.all()
  const ownerOf = ({ uid, ...rest }: { uid: string }) => ({
    ...rest,
    is: all.find(({ metadata }) => metadata.uid === uid)?.metadata.name ?? 'gone',
  })
  return all
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Service')
    .map(({ status: _, ...object }) => {
      const { uid, resourceVersion, generation, annotations, ...metadata } = object.metadata
      const { [annotation.applied]: place, [annotation.revision]: number, ...told } = annotations
      const owners = (metadata.ownerReferences ?? []) as { uid: string }[]
      return {
        ...object,
        metadata: { ...metadata, annotations: told, ownerReferences: owners.map(ownerOf) },
      }
    })
    .map((one) => JSON.stringify(one, keysSorted))
    .sort()
}

const keysSorted = (_key: string, value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value
