/**
 * Where the two messages travel: a cluster's NATS subjects and stream, and the same places over HTTP.
 * One cluster's user may touch only its own subjects (DESIGN D4).
 */
export const subjects = (cluster: string) => ({
  header: `${cluster}.header`,
  index: `${cluster}.index`,
  bucket: (index: number | string) => `${cluster}.bucket.${index}`,
  report: (agent: string) => `${cluster}.report.${agent}`,
  reports: `${cluster}.report.*`,
  all: `${cluster}.>`,
})

export const streamName = (cluster: string) => `SWITCHYARD_${cluster}`

/** Where JetStream is asked about a stream; `domain`: of a leaf that keeps it. */
export const streamApi = (domain?: string) => (domain ? `$JS.${domain}.API` : '$JS.API')

/** Replies to a cluster's agents travel here, so that no cluster can read another's. */
export const inboxPrefix = (cluster: string) => `_INBOX_cluster_${cluster}`

/** Paths of the `http` transport, served by control. */
export const agentPaths = (cluster: string) => ({
  enrol: '/v1/agents/enrol',
  /** Server-sent events: each `data` is an announcement. */
  announcements: `/v1/agents/${cluster}/announcements`,
  /** The newest announcement, once. */
  header: `/v1/agents/${cluster}/header`,
  index: `/v1/agents/${cluster}/index`,
  /** `?ids=0,17,255` */
  buckets: `/v1/agents/${cluster}/buckets`,
  reports: `/v1/agents/${cluster}/reports`,
  /** What control has of the cluster's Ingress objects; `/<namespace>/<name>` is one of them. */
  ingresses: `/v1/agents/${cluster}/ingresses`,
})
