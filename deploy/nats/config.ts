/**
 * The configuration of a NATS server for one fleet: control's user, and one user per cluster that may do
 * only what an agent does (DESIGN D4): see its cluster's headers, read its cluster's stream, report.
 * Passwords are kept from a former start, so that enrolled agents stay enrolled.
 */
import { randomBytes } from 'node:crypto'
import { limits } from '#wire/limits.ts'
import { inboxPrefix, streamName, subjects } from '#wire/subjects.ts'
import { controlInbox, type NatsCredentials } from '../../control/delivery/nats-credentials.ts'

/** Room for a full bucket with its protocol line; the server's default is 1 MiB. */
const payloadBytesMax = 2 * limits.bucketBytes

/** What was kept, with what is missing: control's user, users of new clusters. */
export function completeCredentials(
  kept: NatsCredentials | null,
  clusters: readonly string[],
): NatsCredentials {
  const { control, clusters: users } = kept ?? { control: newUser('control'), clusters: {} }
  const added = clusters.filter((cluster) => !(cluster in users))
  const made = added.map((cluster) => [cluster, newUser(`cluster-${cluster}`)] as const)
  return { control, clusters: { ...users, ...Object.fromEntries(made) } }
}

export interface ServerPlace {
  /** Told in the server's greeting; left out: the server's flag says it. */
  readonly name?: string
  /** `host:port` for clients. */
  readonly listen: string
  /** `host:port` of `/healthz`; left out: none. */
  readonly monitor?: string
  readonly storeFolder: string
  /** Left out: stderr. */
  readonly logFile?: string
}

/** NATS reads JSON as its own configuration language. */
export function serverConfig(place: ServerPlace, credentials: NatsCredentials): string {
  const clusters = Object.entries(credentials.clusters)
  const users = [
    { ...named(credentials.control), permissions: controlPermissions },
    ...clusters.map(([cluster, user]) => ({
      ...named(user),
      permissions: clusterPermissions(cluster),
    })),
  ]
  const config = {
    server_name: place.name,
    listen: place.listen,
    http: place.monitor,
    max_payload: payloadBytesMax,
    log_file: place.logFile,
    jetstream: { store_dir: place.storeFolder },
    authorization: { users },
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

const controlPermissions = {
  publish: {
    allow: ['*.header', '*.index', '*.bucket.*', '$JS.API.STREAM.*.*', '$JS.API.DIRECT.GET.>'],
  },
  subscribe: { allow: ['*.report.*', `${controlInbox}.>`] },
}

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

const newUser = (user: string) => ({ user, password: randomBytes(24).toString('base64url') })
const named = ({ user, password }: { user: string; password: string }) => ({ user, password })
