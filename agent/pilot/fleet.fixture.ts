/** What tests of the pilot share: a control that signs, and the objects of a small shop. */
import { canonicalBytes } from '#wire/digest.ts'
import type { Announcement, Header } from '#wire/header.ts'
import {
  backendKey,
  type PositionObject,
  positionKey,
  routeKey,
  type SnapshotObject,
} from '#wire/object.ts'
import { generateKey, type PinnedKeys, pinKeys, type SigningKey, seal } from '#wire/signature.ts'
import { bucketHashes, difference, type Tree, treeOf } from '#wire/tree.ts'
import type { Session } from './session/session.ts'

export const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

export interface Signer {
  readonly key: SigningKey
  readonly pinned: PinnedKeys
  readonly publicKey: string
}

export async function createSigner(): Promise<Signer> {
  const { key } = await generateKey()
  return { key, pinned: await pinKeys([key.publicKey]), publicKey: key.publicKey }
}

export const headerOf = (tree: Tree, changes: Partial<Header> = {}): Header => ({
  cluster: 'eu-1',
  epoch: { number: 1, id: '0123456789abcdef' },
  revision: 1,
  format: 1,
  digest: tree.root,
  publishedAtMs: 0,
  ...changes,
})

export async function announce(
  signer: Signer,
  header: unknown,
  changes: Partial<Announcement> = {},
): Promise<Announcement> {
  const sealed = await seal(canonicalBytes(header), signer.key)
  return { header: sealed, since: null, put: [], remove: [], ...changes }
}

/** An announcement of `to`, with what changed since `from` riding along. */
export function announceChange(
  signer: Signer,
  header: Header,
  from: Tree,
  to: Tree,
): Promise<Announcement> {
  const { put, remove } = difference(from, to)
  return announce(signer, header, { since: from.root, put: [...put], remove: [...remove] })
}

export const route = (app: string, release?: string): SnapshotObject => ({
  kind: 'route',
  key: release ? `preview/${app}/${release}` : routeKey(app, 'default'),
  app,
  hosts: [`${app}.example`],
  matches: [{ path: { type: 'PathPrefix', value: release ? '/test' : '/' }, headers: [] }],
  ...(release ? { release } : {}),
  since: 1,
})

export const backend = (
  release: string,
  version = '0.0.1',
  platform: 'local' | 'static' = 'static',
): SnapshotObject => ({
  kind: 'backend',
  key: backendKey(release),
  app: release.replace(/-r\d+$/, ''),
  release,
  version,
  platform,
})

export const position = (
  app: string,
  generation: number,
  release: string | null,
  next?: PositionObject['next'],
): PositionObject => ({
  kind: 'position',
  key: positionKey(app),
  app,
  generation,
  weights: release ? [{ release, weight: 1 }] : [],
  ...(next ? { next } : {}),
})

export const shop = (generation: number, release: string, next?: PositionObject['next']): Tree =>
  treeOf([
    route('shop'),
    backend('shop-r1', '0.0.1'),
    backend('shop-r2', '0.0.2'),
    position('shop', generation, release, next),
  ])

/** What control has stored, behind the session's port. Absent parts are missing. */
export interface Stored {
  header: Uint8Array | null
  tree: Tree | null
  /** Tree whose index is stored, when it lags. */
  indexOf?: Tree
  away?: boolean
}

export interface FakeSession extends Session {
  readonly asked: number[]
  readonly reports: Uint8Array[]
}

export function createFakeSession(stored: Stored): FakeSession {
  const asked: number[] = []
  const reports: Uint8Array[] = []
  const here = () => {
    if (stored.away) throw new Error('nobody is there')
  }
  return {
    asked,
    reports,
    subscribe: (_onAnnouncement, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    async header() {
      here()
      return stored.header
    },
    async index() {
      here()
      const tree = stored.indexOf ?? stored.tree
      return tree && bytesOf({ hashes: bucketHashes(tree) })
    },
    async buckets(ids) {
      here()
      asked.push(...ids)
      const { tree } = stored
      if (!tree) return new Map()
      return new Map(
        ids.flatMap((id) => {
          const { objects } = tree.buckets[id]!
          return objects.length > 0 ? [[id, bytesOf({ bucket: id, objects })]] : []
        }),
      )
    },
    async report(bytes) {
      here()
      reports.push(bytes)
    },
    async close() {},
  }
}

/** Polls until `condition` gives something true, or fails after `withinMs`. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  withinMs = 15_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
