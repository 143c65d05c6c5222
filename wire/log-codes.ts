/**
 * Every kind of line that control and agents write to their log: a stable code, how serious it is, and
 * what it tells. Logs are read by other people's programs: a code never changes its meaning or level.
 */
export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogLevel = (typeof logLevels)[number]

interface LogCodeInfo {
  readonly level: LogLevel
  readonly sentence: string
}

export const logCodes = {
  // Control.
  'control-started': { level: 'info', sentence: 'The API listens. Fields: url, revision, ms since the start.' },
  'log-folding': { level: 'info', sentence: 'No checkpoint can be used, so the log is read from its first record before the API listens. Every 2 s. Fields: revision, of, secondsLeft.' },
  'control-stopped': { level: 'info', sentence: 'Told to stop; everything open has ended.' },
  'turn-taken': { level: 'info', sentence: 'A record was appended. Fields: kind, type, actor, revision, events, ms.' },
  'intent-refused': { level: 'warn', sentence: 'An intent changed nothing. Fields: type, actor, refusal, ms.' },
  'publish-failed': { level: 'warn', sentence: 'A header did not go out; it is tried again. Once until it recovers. Fields: cluster.' },
  'publish-recovered': { level: 'info', sentence: 'Headers of the cluster go out again. Fields: cluster.' },
  'report-refused': { level: 'warn', sentence: 'A report was not believed. Once a minute for each cluster and code. Fields: cluster, refusal.' },
  'fleet-ahead': { level: 'error', sentence: 'Agents have seen more than this log holds: nothing is published. Fields: cluster, epoch, revision.' },
  'history-damaged': { level: 'warn', sentence: 'The history beside the log cannot be used; it is made again from the log. Fields: file.' },
  'call-failed': { level: 'error', sentence: 'A call of the API met a bug and was answered 500.' },
  'webhook-failing': { level: 'warn', sentence: 'The receiver of a webhook takes no messages; it is tried on. Fields: webhook.' },
  'webhook-recovered': { level: 'info', sentence: 'The receiver takes messages again. Fields: webhook.' },
  'visit-ended': { level: 'debug', sentence: 'On Workers: the object has let go of NATS and may leave memory; what it took since the last such line. Fields: ms, events, rowsRead, rowsWritten.' },
  'webhook-cursors-lost': { level: 'warn', sentence: 'How far webhooks were told cannot be written; messages may be repeated.' },
  'control-failed': { level: 'fatal', sentence: 'Control cannot go on and ends.' },

  // Agents: the supervisor and its children.
  'agent-started': { level: 'info', sentence: 'The supervisor holds its sockets. Fields: listen, workers.' },
  'child-ended': { level: 'warn', sentence: 'The pilot or a worker has ended and is started again. Fields: child, childPid, how, pauseMs.' },
  'child-hung': { level: 'error', sentence: 'A worker was silent for too long, though it had a CPU, and is killed. Fields: child, childPid, ms.' },
  'child-killed': { level: 'warn', sentence: 'A child did not finish in time when it was told to stop. Fields: child, childPid, ms.' },
  'agent-failed': { level: 'fatal', sentence: 'The program cannot go on and ends.' },
  'state-damaged': { level: 'warn', sentence: 'A file of the state folder cannot be used; what it held is fetched or made again.' },
  'state-unwritable': { level: 'error', sentence: 'The state folder cannot be written: nothing is claimed until it can.' },
  'not-enrolled': { level: 'warn', sentence: 'Control did not enrol this agent yet; it is asked again.' },
  'keys-pinned': { level: 'info', sentence: 'The agent believes exactly these keys of control from now on.' },
  'keys-not-pinned': { level: 'error', sentence: 'The keys that control named cannot be kept; the former ones count.' },
  'agent-introduced': { level: 'warn', sentence: 'Control cannot be asked: this agent has not enrolled, and serves what its NATS leaf holds.' },
  'agent-enrolled': { level: 'info', sentence: 'Control has enrolled this agent.' },
  'revision-admitted': { level: 'info', sentence: 'A signed snapshot is held. Fields: revision.' },
  'message-refused': { level: 'warn', sentence: 'A message of control was refused. Fields: refusal, revision.' },
  'drift-began': { level: 'warn', sentence: 'Workers serve something else than the held snapshot.' },
  'drift-ended': { level: 'info', sentence: 'Workers serve the held snapshot again.' },
  'control-away': { level: 'warn', sentence: 'Control or NATS cannot be reached; the last-known-good is served.' },
  'control-back': { level: 'info', sentence: 'Control or NATS can be reached again.' },
  'announcements-broken': { level: 'warn', sentence: 'The stream of announcements broke off; it is opened again.' },
  'report-late': { level: 'warn', sentence: 'A report did not arrive; the state is sent again.' },
  'transport-changed': { level: 'warn', sentence: 'Control does not publish over NATS: it is followed over HTTP.' },
  'link-broken': { level: 'warn', sentence: 'The link between pilot and worker broke; it is dialled again.' },
  'admin-failed': { level: 'warn', sentence: 'The admin listener met an error.' },
  'close-failed': { level: 'warn', sentence: 'Open exchanges could not be closed as asked.' },

  // Platforms.
  'platform-away': { level: 'warn', sentence: 'The platform cannot be reached or read; the last known endpoints stay.' },
  'platform-back': { level: 'info', sentence: 'The platform answers again.' },
  'workloads-refused': { level: 'warn', sentence: 'The platform did not take the workloads; they are brought again.' },
  'endpoints-cut': { level: 'warn', sentence: 'The platform lists more endpoints than an agent takes.' },
  'slices-went-back': { level: 'warn', sentence: 'The API server has an older state, as after a restore; former endpoints stay a while.' },
  'slices-deleted': { level: 'warn', sentence: 'The last EndpointSlice of a release was deleted; its endpoints stay a while.' },
  'pods-unread': { level: 'warn', sentence: 'Pods or Services of releases cannot be read; their EndpointSlices count alone.' },
  'slice-refused': { level: 'warn', sentence: 'An EndpointSlice cannot be used; the others are.' },
  'ingress-refused': { level: 'warn', sentence: 'Control did not take an Ingress; what it had of it before stays. Fields: ingress.' },
  'events-lost': { level: 'warn', sentence: 'More Kubernetes Events were to be written at once than wait for each other: so many are not there.' },
  'ingress-trouble': { level: 'warn', sentence: 'Ingress objects cannot be brought to control, or their status not be written; it is tried again.' },
  'platform-started': { level: 'info', sentence: 'The local platform listens. Fields: url.' },
  'platform-call-failed': { level: 'error', sentence: 'A call of the local platform met a bug.' },
  'copy-started': { level: 'info', sentence: 'A copy of an application was started.' },
  'copy-ended': { level: 'info', sentence: 'A copy that was not wanted any more has ended.' },
  'copy-died': { level: 'warn', sentence: 'A copy ended by itself and is started again. Fields: how, pauseMs.' },
  'copy-killed': { level: 'warn', sentence: 'A copy did not end in its time of grace.' },
  'program-unknown': { level: 'error', sentence: 'A release wants a program that the platform has no file for.' },
} as const satisfies Record<string, LogCodeInfo> // biome-ignore format: one code a line

export type LogCode = keyof typeof logCodes
