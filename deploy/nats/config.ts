/**
 * The configuration of a NATS server for one fleet: control's user, and one user per cluster that may do
 * only what an agent does (DESIGN D4): see its cluster's headers, read its cluster's stream, report. A
 * cluster with a leaf of its own (ADR 17) has its agents' user there, and its user here is the leaf's.
 * Passwords are kept from a former start, so that enrolled agents stay enrolled.
 */
import { randomBytes } from 'node:crypto'
import { limits } from '#wire/limits.ts'
import { inboxPrefix, streamApi, streamName, subjects } from '#wire/subjects.ts'
import {
  controlInbox,
  leavesOf,
  type NatsCredentials,
} from '../../control/delivery/nats-credentials.ts'

/** Room for a full bucket with its protocol line; the server's default is 1 MiB. */
const payloadBytesMax = 2 * limits.bucketBytes

/** What was kept, with what is missing: control's user, users of new clusters, which of them have a leaf. */
export function completeCredentials(
  kept: NatsCredentials | null,
  clusters: readonly string[],
  leaves: readonly string[] = [],
): NatsCredentials {
  const { control, clusters: known } = kept ?? { control: newUser('control'), clusters: {} }
  const users = [...new Set([...Object.keys(known), ...clusters])].map((cluster) => {
    const { user, password } = known[cluster] ?? newUser(`cluster-${cluster}`)
    return [cluster, { user, password, ...(leaves.includes(cluster) && { leaf: true as const }) }]
  })
  return { control, clusters: Object.fromEntries(users) }
}

export interface ServerPlace {
  /** Told in the server's greeting; left out: the server's flag says it. */
  readonly name?: string
  /** `host:port` for clients. */
  readonly listen: string
  /** `host:port` for leaves, where clusters have one. */
  readonly leafListen?: string
  /** `host:port` of `/healthz`; left out: none. */
  readonly monitor?: string
  readonly storeFolder: string
  /** Left out: stderr. */
  readonly logFile?: string
}

/** As the pod of `deploy/nats` has its ports and its volume. */
export const podPlace: ServerPlace = {
  listen: '0.0.0.0:4222',
  leafListen: '0.0.0.0:7422',
  monitor: '0.0.0.0:8222',
  storeFolder: '/data',
}

/** NATS reads JSON as its own configuration language. */
export function serverConfig(place: ServerPlace, credentials: NatsCredentials): string {
  const leaves = leavesOf(credentials)
  const clusters = Object.entries(credentials.clusters)
  const users = [
    { ...named(credentials.control), permissions: controlPermissions(leaves) },
    ...clusters.map(([cluster, user]) => ({
      ...named(user),
      ...(user.leaf
        ? { permissions: leafPermissions(cluster), allowed_connection_types: ['LEAFNODE'] }
        : { permissions: clusterPermissions(cluster) }),
    })),
  ]
  return configText({
    ...placed(place),
    jetstream: { store_dir: place.storeFolder },
    ...(leaves.length > 0 && { leafnodes: { listen: place.leafListen } }),
    authorization: { users },
  })
}

export interface Leaf {
  readonly cluster: string
  readonly user: { readonly user: string; readonly password: string }
  /** `host:port` where the fleet's server takes leaves. */
  readonly hub: string
}

/**
 * The server inside a cluster that keeps the cluster's stream. While the hub is away nobody else has what it
 * holds, so it is on disk before it is acknowledged.
 */
export function leafConfig(place: ServerPlace, { cluster, user, hub }: Leaf): string {
  return configText({
    ...placed(place),
    jetstream: { store_dir: place.storeFolder, domain: cluster, sync_interval: 'always' },
    leafnodes: { reconnect: 1, remotes: [{ url: leafUrl(hub, user) }] },
    authorization: { users: [{ ...named(user), permissions: clusterPermissions(cluster) }] },
  })
}

const leafUrl = (hub: string, { user, password }: Leaf['user']) =>
  `nats-leaf://${user}:${password}@${hub}`

const placed = ({ name, listen, monitor, logFile }: ServerPlace) => ({
  server_name: name,
  listen,
  http: monitor,
  max_payload: payloadBytesMax,
  log_file: logFile,
})

const configText = (config: object): string => `${JSON.stringify(config, null, 2)}\n`

const controlPermissions = (leaves: readonly string[]) => ({
  publish: {
    allow: [
      ...['*.header', '*.index', '*.bucket.*'],
      ...[undefined, ...leaves].flatMap((domain) => [
        `${streamApi(domain)}.STREAM.*.*`,
        `${streamApi(domain)}.DIRECT.GET.>`,
      ]),
    ],
  },
  subscribe: { allow: ['*.report.*', `${controlInbox}.>`] },
})

export function clusterPermissions(cluster: string) {
  const stream = streamName(cluster)
  return {
    publish: {
      allow: [
        subjects(cluster).reports,
        `$JS.API.DIRECT.GET.${stream}`,
        `$JS.API.DIRECT.GET.${stream}.>`,
      ],
    },
    subscribe: { allow: [subjects(cluster).header, `${inboxPrefix(cluster)}.>`] },
  }
}

/** What passes between a leaf and the hub: reports and answers up, writes and control's questions down. */
function leafPermissions(cluster: string) {
  const { header, index, bucket, reports } = subjects(cluster)
  const own = streamApi(cluster)
  return {
    publish: { allow: [reports, `${controlInbox}.>`] },
    // The server asks for its domain's API as a whole.
    subscribe: { allow: [header, index, bucket('*'), `${own}.STREAM.>`, `${own}.DIRECT.>`] },
  }
}

const newUser = (user: string) => ({ user, password: randomBytes(24).toString('base64url') })
const named = ({ user, password }: { user: string; password: string }) => ({ user, password })
