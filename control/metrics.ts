/**
 * Control's Prometheus metrics, by prom-client. Counters are moved by what happens; gauges are read from
 * the state when somebody asks, so that they cannot drift from it.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Gauges, Metrics } from './api/metrics.ts'
import { seriesMax } from './gauges.ts'

/** `registry` may hold metrics of the runtime already. */
export function createMetrics(read: () => Gauges, registry = new Registry()): Metrics {
  const registers = [registry]
  const requests = new Counter({
    name: 'switchyard_http_requests_total',
    help: 'Answered API requests by operation and status.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const requestSeconds = new Histogram({
    name: 'switchyard_http_request_seconds',
    help: 'From the request to its answer, without streams.',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30],
    registers,
  })
  const turnSeconds = new Histogram({
    name: 'switchyard_turn_seconds',
    help: 'One turn: decide, append, evolve, publish, answer.',
    labelNames: ['kind'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5],
    registers,
  })
  const publishSeconds = new Histogram({
    name: 'switchyard_publish_seconds',
    help: "From a record to the transport's acknowledgement of the header.",
    labelNames: ['cluster'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5],
    registers,
  })
  const publishFailures = new Counter({
    name: 'switchyard_publish_failures_total',
    help: 'Attempts to publish that failed and are repeated.',
    labelNames: ['cluster'],
    registers,
  })
  const reports = new Counter({
    name: 'switchyard_reports_total',
    help: 'Reports of agents: taken, or refused by code.',
    labelNames: ['cluster', 'result'],
    registers,
  })
  const webhookTries = new Counter({
    name: 'switchyard_webhook_attempts_total',
    help: 'Attempts to deliver a message, by what came of them.',
    labelNames: ['webhook', 'result'],
    registers,
  })
  const gauge = (
    name: string,
    help: string,
    labelNames: readonly string[],
    set: (gauge: Gauge, gauges: Gauges) => void,
  ) =>
    new Gauge({
      name: `switchyard_${name}`,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        set(this, read())
      },
    })
  gauge('log_position', 'Newest position of the event log.', [], (it, { logPosition }) =>
    it.set(logPosition),
  )
  gauge('ready', '1 when /readyz answers 200.', [], (it, { ready }) => it.set(ready ? 1 : 0))
  gauge('publish_lag', 'Records not announced yet.', ['cluster'], (it, { publishLag }) => {
    for (const [cluster, lag] of Object.entries(publishLag)) it.set({ cluster }, lag)
  })
  gauge('agents', 'Enrolled agents by condition.', ['cluster', 'condition'], (it, { agents }) => {
    for (const { cluster, condition } of agents) it.inc({ cluster, condition })
  })
  gauge(
    'agent_condition',
    '1 for each agent that is not current.',
    ['cluster', 'agent', 'condition'],
    (it, { agents }) => {
      const others = agents.filter(({ condition }) => condition !== 'current')
      for (const one of others.slice(0, seriesMax)) {
        it.set({ cluster: one.cluster, agent: one.agent, condition: one.condition }, 1)
      }
    },
  )
  gauge('log_behind_fleet', '1 while agents are ahead of the log.', [], (it, { behindFleet }) =>
    it.set(behindFleet ? 1 : 0),
  )
  gauge(
    'release_waiting',
    '1 while a release waits for agents or copies.',
    ['app', 'release', 'code'],
    (it, { inRelease }) => {
      for (const waiting of inRelease.waiting) it.set({ ...waiting }, 1)
    },
  )
  gauge(
    'release_paused',
    '1 while a release is paused, by people or by the fleet (its copies do not come).',
    ['app', 'release', 'by'],
    (it, { inRelease }) => {
      for (const paused of inRelease.paused) it.set({ ...paused }, 1)
    },
  )
  gauge(
    'switch_incomplete',
    'Agents that have not followed the newest switch.',
    ['app'],
    (it, { inRelease }) => {
      for (const { app, agents } of inRelease.incomplete) it.set({ app }, agents)
    },
  )
  gauge(
    'release_role',
    '1 for the newest release with public traffic (new) and the one before it (old).',
    ['app', 'release', 'role'],
    (it, { inRelease }) => {
      for (const role of inRelease.roles) it.set({ ...role }, 1)
    },
  )
  gauge('releases', 'Releases by phase.', ['phase'], (it, { releases }) => {
    for (const { phase } of releases) it.inc({ phase })
  })
  gauge(
    'token_expiry_timestamp_seconds',
    'When a token that expires does so.',
    ['token'],
    (it, { tokens }) => {
      for (const { name, expiresAtMs } of tokens) {
        if (expiresAtMs !== undefined) it.set({ token: name }, expiresAtMs / 1_000)
      }
    },
  )
  gauge(
    'webhook_failing',
    '1 while its receiver takes nothing.',
    ['webhook'],
    (it, { webhooks }) => {
      for (const { name, state } of webhooks) it.set({ webhook: name }, state === 'failing' ? 1 : 0)
    },
  )
  gauge('webhook_behind', 'Records not delivered yet.', ['webhook'], (it, { webhooks }) => {
    for (const { name, behind } of webhooks) it.set({ webhook: name }, behind)
  })
  return {
    requestAnswered({ method, route, status, seconds }) {
      requests.inc({ method, route, status })
      requestSeconds.observe({ method, route }, seconds)
    },
    turnTaken: (kind, seconds) => turnSeconds.observe({ kind }, seconds),
    webhookTried: (webhook, taken) =>
      webhookTries.inc({ webhook, result: taken ? 'taken' : 'failed' }),
    published: (cluster, seconds) => publishSeconds.observe({ cluster }, seconds),
    failed: (cluster) => publishFailures.inc({ cluster }),
    reportTaken: (cluster) => reports.inc({ cluster, result: 'taken' }),
    reportRefused: (cluster, code) => reports.inc({ cluster, result: code }),
    text: async () => ({
      contentType: registry.contentType,
      body: await registry.metrics(),
    }),
  }
}
