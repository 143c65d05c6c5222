/**
 * Control's Prometheus metrics, by prom-client. Counters are moved by what happens; gauges are read from
 * the state when somebody asks, so that they cannot drift from it.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Metrics } from './api/metrics.ts'

/** What gauges show, read at each scrape. */
export interface Readings {
  readonly logPosition: number
  /** Log positions that are durable but not announced to the cluster yet. */
  readonly publishLag: Readonly<Record<string, number>>
  readonly agents: readonly { readonly cluster: string; readonly state: string }[]
  readonly releasePhases: readonly string[]
  readonly ready: boolean
}

export interface ControlMetrics extends Metrics {
  turnTaken(kind: string, seconds: number): void
}

export function createMetrics(read: () => Readings): ControlMetrics {
  const registers = [new Registry()]
  collectDefaultMetrics({ register: registers[0]! })
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
  const gauge = (
    name: string,
    help: string,
    labelNames: readonly string[],
    set: (gauge: Gauge, readings: Readings) => void,
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
  gauge('log_position', 'Newest position of the event log.', [], (it, readings) =>
    it.set(readings.logPosition),
  )
  gauge('ready', '1 when /readyz answers 200.', [], (it, { ready }) => it.set(ready ? 1 : 0))
  gauge('publish_lag', 'Records not announced yet.', ['cluster'], (it, { publishLag }) => {
    for (const [cluster, lag] of Object.entries(publishLag)) it.set({ cluster }, lag)
  })
  gauge('agents', 'Enrolled agents by state.', ['cluster', 'state'], (it, { agents }) => {
    for (const { cluster, state } of agents) it.inc({ cluster, state })
  })
  gauge('releases', 'Releases by phase.', ['phase'], (it, { releasePhases }) => {
    for (const phase of releasePhases) it.inc({ phase })
  })
  return {
    requestAnswered({ method, route, status, seconds }) {
      requests.inc({ method, route, status })
      requestSeconds.observe({ method, route }, seconds)
    },
    turnTaken: (kind, seconds) => turnSeconds.observe({ kind }, seconds),
    text: async () => ({
      contentType: registers[0]!.contentType,
      body: await registers[0]!.metrics(),
    }),
  }
}
