/** The agent's figures for Prometheus. Counters come from the workers, so they survive the pilot's death. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Refusal } from '#wire/report.ts'
import type { Usage } from '../../link.ts'
import type { Progress } from '../convergence.ts'

export interface MetricsFacts {
  readonly progress: Progress
  readonly usage: Usage
  readonly refusals: readonly Refusal[]
  readonly stale: boolean
}

export interface Metrics {
  /** Time from a committing header's receipt until every worker had swapped. */
  switched(ms: number): void
  compiled(ms: number): void
  /** Text of the exposition format, of this moment. */
  render(): Promise<string>
  readonly contentType: string
}

export function createMetrics(facts: () => MetricsFacts): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name: `switchyard_agent_${name}`, help, labelNames, registers })
  const counter = (name: string, help: string, labelNames: readonly string[]) =>
    new Counter({ name: `switchyard_agent_${name}`, help, labelNames, registers })

  const requests = counter('requests_total', 'Requests begun at a backend, by release.', [
    'release',
  ])
  const errors = counter(
    'errors_total',
    'Requests that a release answered with 5xx, or not whole, by release.',
    ['release'],
  )
  const failures = counter('failures_total', 'Requests without a whole answer, by reason.', [
    'reason',
  ])
  const refused = counter('refusals_total', 'Messages of control that were refused.', ['code'])
  const inUse = gauge('in_use', 'Exchanges in progress and tunnels, by release.', ['release'])
  const ready = gauge('endpoints_ready', 'Ready endpoints, by release.', ['release'])
  const generation = gauge('active_generation', 'Generation served by every worker.', ['app'])
  const connections = gauge('connections', 'Client connections.')
  const revision = gauge('served_revision', 'Revision of the held snapshot.')
  const workers = gauge('workers', 'Workers that are connected.')
  const equal = gauge('serves_held_snapshot', '1 when every worker serves the held snapshot.')
  const agentReady = gauge('ready', '1 once the committed positions are served and confirmed.')
  const stale = gauge('stale', '1 while the last-known-good is unconfirmed by control.')
  const switches = new Histogram({
    name: 'switchyard_agent_switch_seconds',
    help: 'From the receipt of a committing header until every worker had swapped.',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers,
  })
  const compiles = new Histogram({
    name: 'switchyard_agent_compile_seconds',
    help: 'Time to compile a table.',
    buckets: [0.001, 0.01, 0.1, 0.3, 1, 3],
    registers,
  })

  function collect(): void {
    const { progress, usage, refusals, stale: isStale } = facts()
    setAll(inUse, 'release', Object.entries(usage.inUse))
    setAll(ready, 'release', lengths(progress.endpoints))
    const active = [...progress.standings].map(([app, one]) => [app, one.active] as const)
    setAll(generation, 'app', active)
    countAll(requests, 'release', Object.entries(usage.requests))
    const began = Object.keys(usage.requests)
    countAll(
      errors,
      'release',
      began.map((release) => [release, usage.errors[release] ?? 0] as const),
    )
    countAll(failures, 'reason', Object.entries(usage.failures))
    countAll(
      refused,
      'code',
      refusals.map(({ code, count }) => [code, count] as const),
    )
    connections.set(usage.connections)
    revision.set(progress.held?.header.revision ?? 0)
    workers.set(progress.workers.length)
    equal.set(progress.equal ? 1 : 0)
    agentReady.set(progress.ready && progress.drift === null ? 1 : 0)
    stale.set(isStale ? 1 : 0)
  }

  return {
    switched: (ms) => switches.observe(ms / 1_000),
    compiled: (ms) => compiles.observe(ms / 1_000),
    contentType: registry.contentType,
    render() {
      collect()
      return registry.metrics()
    },
  }
}

type Samples = Iterable<readonly [label: string, value: number]>

function setAll(gauge: Gauge, label: string, samples: Samples): void {
  gauge.reset()
  for (const [name, value] of samples) gauge.set({ [label]: name }, value)
}

/** The totals are counted elsewhere: the counter is told the whole each time. */
function countAll(counter: Counter, label: string, samples: Samples): void {
  counter.reset()
  for (const [name, value] of samples) counter.inc({ [label]: name }, value)
}

const lengths = (lists: Readonly<Record<string, readonly unknown[]>>) =>
  Object.entries(lists).map(([name, list]) => [name, list.length] as const)
