/**
 * Every maximum that two programs must agree on: one place, with the unit in the name and the reason
 * beside it. A schema, a buffer or a loop that needs a bound takes it from here.
 */
export const limits = {
  /** DNS label, RFC 1123. App names get a suffix in release ids, so they are shorter. */
  dnsLabelChars: 63,
  appNameChars: 40,
  versionChars: 63,
  /** RFC 1035 §2.3.4. */
  hostnameChars: 253,
  headerNameChars: 128,
  /** One header value that an operator may set or match. */
  headerValueChars: 4_096,
  /** A path that an operator may write in a match or a rewrite. */
  pathValueChars: 1_024,
  idempotencyKeyChars: 128,
  reasonChars: 1_024,
  /** `registry/name:tag@digest` of a container image. */
  imageChars: 512,
  /** Name of a Service's port, RFC 6335. */
  portNameChars: 15,
  /** `<namespace>/<service>:<port>` */
  serviceIdChars: 143,

  clusters: 64,
  agentsPerCluster: 256,
  apps: 10_000,
  hostsPerApp: 64,
  routesPerApp: 1_024,
  matchesPerRoute: 16,
  /** Ingress objects of our classes in one cluster. */
  ingressesPerCluster: 2_048,
  /** Paths of one Ingress that become routes. */
  routesPerIngress: 256,
  /** What of an Ingress is not done, each a sentence: 262,144 bytes of annotations (Kubernetes) have that many names. */
  warningsPerIngress: 512,
  /** Of those who were refused because an Ingress was there first: kept to be told on it. */
  routeClaims: 256,
  headersPerMatch: 16,
  headerChangesPerRoute: 32,
  /** Names and values that a route changes in responses: with the largest head of a backend they fit 64 KiB. */
  responseHeaderBytes: 16_384,
  /** Any timeout of a route. */
  routeTimeoutMs: 86_400_000,
  /** Candidates on one host and path: bounds the matcher's inner loop. */
  matchesPerPath: 64,
  copiesPerRelease: 1_000,
  /** Not decommissioned: each may keep copies running. */
  releasesPerApp: 16,
  /** Decommissioned ones that an app still shows; the log has them all. */
  goneReleasesKept: 64,
  /** Stages that one release may have. */
  stepsPerRelease: 64,
  /** A pause between two steps. */
  stepPauseMs: 2_592_000_000,
  approvalsPerRelease: 8,
  labelsPerApp: 32,
  freezes: 256,
  /** Rolling: how long a phase may make no progress (Kubernetes' default is 600 s). */
  progressDeadlineMs: 86_400_000,
  /** A signed preview link ends after at most this. */
  previewLinkMs: 2_592_000_000,
  /** Each has a loop and a connection of its own. */
  webhooks: 32,
  webhookUrlChars: 2_048,
  /** Releases of which one report says why their copies do not become ready. */
  troublesPerReport: 64,
  /** Ten years. */
  tokenLifeMs: 315_360_000_000,
  /** Calls in `rateWindowMs`, of one token: that look, and that change something. */
  readsPerWindow: 5_000,
  changesPerWindow: 1_000,
  /** Of one agent: reports, buckets, streams. */
  agentCallsPerWindow: 5_000,
  /** Of one address: calls without a token that is known. */
  strangerCallsPerWindow: 100,
  rateWindowMs: 10_000,
  /** The part of a `User-Agent` that the log keeps. */
  clientChars: 200,
  /** Control's own, the signing one included; agents pin them all. */
  signingKeys: 16,
  /** Operators' tokens. */
  tokens: 256,
  /** Endpoints that one agent holds, over all backends. */
  endpointsPerAgent: 16_384,
  staticAddressesPerRelease: 1_024,

  /** A JSON body of the operator API. */
  requestBodyBytes: 1_048_576,
  /** Changed objects that the answer of a dry run shows; it counts the others. */
  dryRunBytes: 4_194_304,
  /** And the warnings. */
  dryRunWarnings: 256,
  /** A header with its changes; bigger changes go as buckets first. */
  announcementBytes: 262_144,
  /** The changes that ride along with a header. */
  announcementChanges: 512,
  bucketBytes: 4_194_304,
  reportBytes: 262_144,
  /** Buckets asked for in one call. */
  bucketsPerFetch: 256,

  /** A route table in an agent: about 250,000 routes of 128 bytes. */
  tableBytes: 33_554_432,

  /** Agents report at least this often; three missed reports make an agent silent. */
  reportIntervalMs: 2_000,
  agentSilentAfterMs: 6_000,
  /** After a restart an agent looks for the stored header this long, then serves its disk. */
  seekHeaderMs: 2_000,
  /** `?wait=active&timeout=` */
  waitTimeoutMs: 60_000,
  /** How long a switch waits for its acks before `whenSilent` decides. */
  switchDeadlineMs: 600_000,
  drainDeadlineMs: 86_400_000,
  /** Operator and agent streams: beyond this a slow reader is cut off and resumes by its id. */
  streamQueueMessages: 1_024,
} as const
