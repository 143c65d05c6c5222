/**
 * One message of every kind, with every optional field somewhere: what golden messages are made from. The
 * test keeps the kinds complete. Formats apart, as they are sent: what an older agent reads, and the newest.
 */
import { canonicalBytes } from '../digest.ts'
import type { EnrolmentAnswer, EnrolmentRequest } from '../enrolment.ts'
import type { Announcement, Header, StoredBucket, StoredIndex } from '../header.ts'
import type { SnapshotObject, WorkloadObject } from '../object.ts'
import type { Report } from '../report.ts'
import { type SigningKey, seal } from '../signature.ts'
import { bucketHashes, bucketOf, treeOf } from '../tree.ts'

const epoch = { number: 3, id: '00000000000000aa' }

export const objectsOfFormat: Readonly<Record<1 | 2, readonly SnapshotObject[]>> = {
  1: [
    {
      kind: 'route',
      key: 'route/shop/default',
      app: 'shop',
      hosts: ['shop.example', '*.shop.example'],
      matches: [
        {
          path: { type: 'PathPrefix', value: '/api' },
          method: 'POST',
          headers: [{ name: 'x-team', value: 'web' }],
        },
      ],
      rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } },
      requestHeaders: {
        set: [{ name: 'x-via', value: 'switchyard' }],
        add: [{ name: 'x-seen', value: '1' }],
        remove: ['x-debug'],
      },
      since: 7,
    },
    {
      kind: 'route',
      key: 'preview/shop/shop-r2',
      app: 'shop',
      hosts: ['shop.example'],
      matches: [{ path: { type: 'PathPrefix', value: '/test' }, headers: [] }],
      release: 'shop-r2',
      since: 12,
    },
    backend('shop-r1', '1'),
    { ...backend('shop-r2', '2'), platform: 'static' },
    workload('shop-r1', '1'),
    {
      kind: 'position',
      key: 'position/shop',
      app: 'shop',
      generation: 12,
      weights: [{ release: 'shop-r1', weight: 1 }],
      next: { generation: 15, weights: [{ release: 'shop-r2', weight: 1 }], minReady: 2 },
      close: ['shop-r1'],
    },
  ],
  2: [
    {
      kind: 'route',
      key: 'route/shop/default',
      app: 'shop',
      hosts: ['shop.example'],
      matches: [
        {
          path: { type: 'Exact', value: '/cart' },
          headers: [],
          cookies: [{ name: 'canary', value: 'yes' }],
        },
      ],
      since: 7,
    },
    {
      kind: 'route',
      key: 'ingress/shop/web/*/test',
      app: 'shop/web',
      hosts: ['*'],
      matches: [{ path: { type: 'PathPrefix', value: '/test' }, headers: [] }],
      rewrite: { path: { type: 'ReplaceFullPath', value: '/' } },
      responseHeaders: {
        set: [{ name: 'x-frame-options', value: 'DENY' }],
        add: [{ name: 'set-cookie', value: 'seen=1; Path=/' }],
        remove: ['server'],
      },
      timeouts: {
        requestMs: 30_000,
        backendRequestMs: 10_000,
        connectMs: 500,
        idleMs: 5_000,
        tunnelIdleMs: 600_000,
      },
      loadBalance: { type: 'header', header: 'x-user' },
      service: 'shop/app-bg:http',
      since: 9,
    },
    { ...backend('shop-r2', '2'), shares: ['shop-r1'], links: true },
    {
      ...workload('shop-r2', '2'),
      rolling: {
        replaces: ['shop-r1'],
        maxSurge: 1,
        maxUnavailable: 0,
        minReadyMs: 500,
        progressDeadlineMs: 600_000,
        paused: false,
      },
    },
    { ...backend('shop-r3', '3'), platform: 'kubernetes' },
    inKubernetes('shop-r3', '3', { container: 'app', image: 'registry.example/shop:3' }),
    inKubernetes('shop-r4', '4', { deployment: 'app-green' }),
    {
      kind: 'position',
      key: 'position/shop',
      app: 'shop',
      generation: 20,
      weights: [
        { release: 'shop-r2', weight: 10 },
        { release: 'shop-r1', weight: 90 },
      ],
      next: {
        generation: 21,
        weights: [{ release: 'shop-r2', weight: 1 }],
        minReady: 4,
        targets: ['shop-r2'],
      },
      split: { seed: 0xfeed_beef, key: { cookie: 'user' } },
    },
    { kind: 'keys', key: 'keys', publicKeys: ['k'.repeat(43), 'l'.repeat(43)] },
  ],
}

function backend(release: string, version: string) {
  const key = `backend/${release}`
  return { kind: 'backend', key, app: 'shop', release, version, platform: 'local' } as const
}

function workload(release: string, version: string) {
  const key = `workload/${release}`
  const runs = { program: 'shop', copies: 4 }
  return { kind: 'workload', key, app: 'shop', release, version, ...runs } as const
}

function inKubernetes(release: string, version: string, made: object): WorkloadObject {
  const { program: _, ...rest } = workload(release, version)
  return { ...rest, kubernetes: { namespace: 'web', port: 8080, template: 'shop', ...made } }
}

/** Texts by what they are; `signedBy` holds for everything that is sealed. */
export interface GoldenMessages {
  readonly signedBy: string
  readonly announcements: Readonly<Record<string, string>>
  readonly buckets: readonly string[]
  readonly index: string
  readonly reports: Readonly<Record<string, string>>
  readonly enrolmentRequest: string
  readonly enrolmentAnswer: string
}

const text = (value: unknown): string => new TextDecoder().decode(canonicalBytes(value))

export async function goldenMessages(key: SigningKey): Promise<GoldenMessages> {
  const announce = async (format: 1 | 2) => {
    const put = [...objectsOfFormat[format]]
    const tree = treeOf(put)
    const header: Header = {
      cluster: 'eu-1',
      epoch,
      revision: 15,
      format,
      digest: tree.root,
      publishedAtMs: 1_764_072_000_000,
    }
    const sealedHeader = await seal(canonicalBytes(header), key)
    const since = treeOf([]).root
    const announcement: Announcement = {
      header: sealedHeader,
      since,
      put,
      remove: ['route/shop/old'],
    }
    return text(announcement)
  }
  const sealedReport = async (more: Partial<Report>) =>
    text(await seal(canonicalBytes({ ...report, ...more }), key))
  const tree = treeOf(objectsOfFormat[1])
  const buckets = objectsOfFormat[1].map(({ key: name }): string => {
    const bucket = bucketOf(name)
    const stored: StoredBucket = { bucket, objects: [...tree.buckets[bucket]!.objects.values()] }
    return text(stored)
  })
  const index: StoredIndex = { hashes: bucketHashes(tree) }
  const asked: EnrolmentRequest = { cluster: 'eu-1', agent: 'eu-1-a', publicKey: key.publicKey }
  const answered: EnrolmentAnswer = {
    cluster: 'eu-1',
    agent: 'eu-1-a',
    epoch,
    controlKeys: [key.publicKey],
    token: `swy_agent_${'t'.repeat(43)}`,
    nats: { servers: ['nats://127.0.0.1:4222'], user: 'eu-1', password: 'secret' },
  }
  return {
    signedBy: key.publicKey,
    announcements: { 'format 1': await announce(1), 'format 2': await announce(2) },
    buckets,
    index: text(index),
    reports: {
      'format 1': await sealedReport({}),
      'format 2': await sealedReport({ rolling: [rollingReport], troubles: [troubleReport] }),
    },
    enrolmentRequest: text(asked),
    enrolmentAnswer: text(answered),
  }
}

const rollingReport = { release: 'shop-r2', updated: 2, ready: 1, old: 3, stalled: 'no progress' }

const troubleReport = { release: 'shop-r2', message: 'shop-r2/0 ended by exit code 1' }

const report: Report = {
  cluster: 'eu-1',
  agent: 'eu-1-a',
  instance: '0123456789abcdef',
  startedAtMs: 1_764_072_000_000,
  sequence: 9,
  epoch,
  revision: 15,
  digest: 'd'.repeat(64),
  formats: [1, 2],
  stale: true,
  drift: 'worker 12: table old',
  workers: 2,
  positions: { shop: { prepared: 15, active: 12, appliedMs: 1.25, activeForMs: 90_000 } },
  readyEndpoints: { 'shop-r1': 4 },
  inUse: { 'shop-r1': 2 },
  refusals: [{ code: 'older', revision: 3, reason: 'an older one', count: 4 }],
  pinnedKeys: ['0123456789abcdef'],
}
