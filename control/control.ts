/**
 * A control plane put together: log, turn, publisher, transports and API. A runtime (`main.ts`, tests)
 * brings the log, the keys, the clocks and what to do when it cannot go on.
 */
import { type Say, stackOf } from '#wire/log-line.ts'
import { type Alarm, createAlarm } from './alarm.ts'
import type { HealthWarning, NotReady } from './api/health.ts'
import type { Gauges, Metrics } from './api/metrics.ts'
import { problem } from './api/problem.ts'
import type { RateLimits } from './api/rates.ts'
import { type Api, createApi } from './api/server.ts'
import { alsoHttp } from './delivery/also-http.ts'
import type { HttpTransport } from './delivery/http.ts'
import type { NatsCredentials } from './delivery/nats-credentials.ts'
import { createPublisher, type FleetAhead } from './delivery/publisher.ts'
import type { Transport } from './delivery/transport.ts'
import type { Compile } from './domain/decide.ts'
import type { DomainEvent } from './domain/event.ts'
import type { Answer, Input } from './domain/input.ts'
import { intentActive } from './domain/reports/active.ts'
import { appOf } from './domain/state.ts'
import { valuesOf } from './domain/table.ts'
import type { Explain } from './explaining.ts'
import { releaseGauges } from './gauges.ts'
import type { History } from './history/history.ts'
import { followed } from './log/followed.ts'
import type { Log } from './log/log.ts'
import { createReadings } from './readings.ts'
import { sayFold, saying, sayTurn } from './saying.ts'
import { createKeyDesk } from './trust/key-desk.ts'
import type { KeyRing } from './trust/key-ring.ts'
import { createTurns, type Turns, TurnsStopped } from './turn.ts'
import { createWebhooks, type WebhookPlace } from './webhooks/webhooks.ts'

export interface ControlOptions {
  readonly log: Log
  /** Follows the log, for those who look back. */
  readonly history: History
  readonly keys: KeyRing
  /** Carries announcements and reports: over NATS, or `http` itself. */
  readonly transport: Transport
  /** Answers agents over HTTP, also beside NATS. */
  readonly http: HttpTransport
  /** What agents need to reach NATS themselves; null without it. */
  readonly nats: {
    readonly servers: readonly string[]
    readonly credentials: NatsCredentials
  } | null
  /** Asked before anything is appended (P5). */
  readonly compile: Compile
  readonly explain: Explain
  readonly rates?: RateLimits | undefined
  /** Shown by `/readyz`: what the runtime will run out of. */
  readonly warnings?: () => readonly HealthWarning[]
  /** Names and addresses that the API answers to; null: any. */
  readonly hosts: readonly string[] | null
  readonly now: () => number
  readonly monotonicMs: () => number
  /** A runtime that may sleep brings one that wakes it; left out: timers of this process. */
  readonly alarm?: (ring: () => void) => Alarm
  readonly metrics: (read: () => Gauges) => Metrics
  /** 16 random hex digits. */
  readonly newLinkId: () => string
  /** Log or transport are somebody else's now, or the log failed: the process must end. */
  readonly onFatal: (error: unknown) => void
  readonly onFleetAhead: (found: FleetAhead) => void
  readonly say: Say
  readonly webhooks: WebhookPlace
}

export interface Control {
  /** Replays the log and publishes; throws when the log cannot be read. */
  start(): Promise<void>
  fetch: Api['fetch']
  readonly turns: Turns
  /** For a runtime that sleeps. */
  readonly attention: Attention
  /** Ends the turn under way and closes the transports and the log. */
  stop(): Promise<void>
}

/** Agents are listened to and told while it lasts; a transport that is always there needs none of it. */
export interface Attention {
  /** Resolves when what agents have stored is known, or the transport cannot be reached now. */
  pay(): Promise<void>
  /** No turn is under way, nothing is left to be published, and no message to a webhook is on its way. */
  isIdle(): boolean
  /** A webhook has something to be told. */
  isWebhookBehind(): boolean
  /** Lets the transport's connection go; nothing is under way then, and no timer runs. */
  rest(): Promise<void>
}

export async function createControl(options: ControlOptions): Promise<Control> {
  const { keys, transport, http, now, monotonicMs } = options
  const log = await followed(options.log)
  const ring = () => submitQuietly({ kind: 'alarm' })
  const alarm = options.alarm?.(ring) ?? createAlarm(now, ring)
  const metrics = options.metrics(gauges)
  const known = () => turns.state().keys ?? keys.known()
  const publisher = createPublisher({
    transport: transport === http ? http : alsoHttp(transport, http),
    key: () => keys.signing(known().signing),
    publicKeys: () => known().publicKeys,
    enrolled: (cluster) => turns.state().clusters.get(cluster)?.agents.values() ?? [],
    onReport: (report, ageMs) =>
      submitQuietly({ kind: 'report', report, receivedMs: monotonicMs(), ageMs }),
    onFleetAhead(found) {
      turns.reportFleetAhead(found)
      noticeAhead()
    },
    onStale: (_, error) => options.onFatal(error),
    now,
    metrics: saying(metrics, options.say, monotonicMs),
  })
  const turns: Turns = createTurns({
    log,
    history: options.history,
    publisher,
    now,
    monotonicMs,
    setAlarm: alarm.set,
    onFatal: options.onFatal,
    compile: options.compile,
    async onFold(position, head) {
      starting = { position, head }
      sayProgress(position, head)
      // So that who asks meanwhile is told.
      await new Promise((resolve) => setTimeout(resolve))
    },
    onTurn(turn) {
      metrics.turnTaken(turn.kind, turn.ms / 1_000)
      sayTurn(options.say, turn)
      noticeAhead()
      if (turn.record?.events.some(isOfWebhook)) webhooks.follow()
    },
  })
  const webhooks = createWebhooks({
    ...options.webhooks,
    log,
    state: turns.state,
    now,
    monotonicMs,
    onAttempt: (name, { reason }) => metrics.webhookTried(name, reason === null),
    say: options.say,
  })
  let toldAhead: FleetAhead | null = null
  /** How far the fold is, until there is a state to answer from. */
  let starting: { readonly position: number; readonly head: number } | null = {
    position: 0,
    head: 0,
  }
  const sayProgress = sayFold(options.say, monotonicMs)
  const readings = createReadings(turns, options.history, options.explain, now, known)
  const api = createApi({
    listener: { hosts: options.hosts },
    keys: createKeyDesk(keys, turns.state, publisher.trust),
    links: {
      signingKey: () => keys.signing(known().signing),
      newLinkId: options.newLinkId,
      hostsOf: (app) => appOf(turns.state(), app)?.intent.hosts ?? [],
    },
    ...(options.rates && { rates: options.rates }),
    reader: readings,
    credentials: readings,
    taker: {
      submit,
      rehearse: (input) => unlessStopping(turns.rehearse(input)),
      async outcome(intent, revision, timeoutMs, signal) {
        const look = () => intentActive(turns.state(), turns.fleet(), intent, revision, now())
        await turns.waitFor(() => look() !== 'pending', timeoutMs, signal)
        return look()
      },
    },
    desk: { submit, welcome, respond: http.respond },
    log,
    webhooks,
    health: {
      notReady,
      logPosition: () => turns.state().position,
      transportConnected: transport.connected,
      warnings: options.warnings ?? (() => []),
    },
    metrics,
    monotonicMs,
    onError: (error) => options.say('call-failed', stackOf(error)),
  })

  /** Told once for each new finding, whoever found it: the publisher in a header or the turn in a report. */
  function noticeAhead(): void {
    const ahead = turns.fleetAhead()
    if (ahead && ahead !== toldAhead) options.onFleetAhead(ahead)
    toldAhead = ahead
  }
  function submit(input: Input): Promise<Answer> {
    return unlessStopping(turns.submit(input))
  }
  async function unlessStopping(answering: Promise<Answer>): Promise<Answer> {
    try {
      return await answering
    } catch (error) {
      if (error instanceof TurnsStopped) return { ok: false, rejection: stopping }
      throw error
    }
  }
  function submitQuietly(input: Input): void {
    turns.submit(input).catch(() => {
      // The turn loop has stopped: reports come again, and the alarm is set anew at the next start.
    })
  }
  function notReady(): NotReady | null {
    if (starting) return stillStarting(starting)
    const ahead = turns.fleetAhead()
    return ahead && { code: 'log-behind-fleet', detail: aheadIn(ahead), fix: recoverFix }
  }
  function welcome(cluster: string) {
    const { epoch } = turns.state()
    if (!epoch) return null
    const user = options.nats?.credentials.clusters[cluster]
    const nats =
      options.nats && user
        ? { servers: [...options.nats.servers], user: user.user, password: user.password }
        : null
    return { epoch, controlKeys: [...known().publicKeys], nats }
  }
  function gauges(): Gauges {
    const lag = [...publisher.progress()].map(([cluster, { wanted, published }]) => [
      cluster,
      wanted - (published ?? 0),
    ])
    return {
      logPosition: turns.state().position,
      publishLag: Object.fromEntries(lag),
      agents: readings.clusters().flatMap(({ cluster }) => readings.agents(cluster)),
      releases: [...valuesOf(turns.state().releases)],
      webhooks: webhooks.list(),
      tokens: [...turns.state().tokens.values()],
      ready: notReady() === null,
      behindFleet: turns.fleetAhead() !== null,
      inRelease: releaseGauges(turns.state(), turns.fleet(), now()),
    }
  }

  return {
    async start() {
      await turns.start()
      const named = turns.state().keys
      if (named) keys.settle(named)
      starting = null
      webhooks.follow()
    },
    /** Before it has started only those who ask about that are answered: all else needs the state. */
    async fetch(request, address) {
      if (!starting || isProbe(request)) return api.fetch(request, address)
      return problem(stillStarting(starting), { 'retry-after': '1' })
    },
    turns,
    attention: {
      async pay() {
        if (!transport.presence) return
        await transport.presence.hold()
        if (transport.connected()) await publisher.heard()
      },
      isIdle: () => turns.isIdle() && publisher.isIdle() && !webhooks.isSending(),
      isWebhookBehind: webhooks.isBehind,
      async rest() {
        const gone = transport.presence?.letGo()
        publisher.rest()
        await gone
      },
    },
    async stop() {
      alarm.set(null)
      await turns.stop()
      await webhooks.stop()
      await publisher.stop()
      await Promise.all([...new Set([transport, http])].map((one) => one.close()))
      await options.history.close()
      await log.close()
    },
  }
}

const isOfWebhook = ({ type }: DomainEvent) => type === 'webhook-set' || type === 'webhook-removed'

const stopping = {
  code: 'overloaded',
  detail: 'Control is stopping.',
  fix: 'Send it again in a moment, with the same Idempotency-Key.',
} as const

const isProbe = (request: Request) => ['/livez', '/readyz'].includes(new URL(request.url).pathname)

const stillStarting = ({ position, head }: { position: number; head: number }): NotReady => ({
  code: 'control-starting',
  detail: `The log is being read: ${position} of ${head} records.`,
  fix: 'Try again in a moment; agents go on with what they have.',
  evidence: { revision: position, of: head },
})

const recoverFix =
  'Restore a newer backup, or stop control and run `control recover`: then what this log says counts.'

const aheadIn = ({ cluster, kind, seenIn, epoch, revision }: FleetAhead): string =>
  kind === 'fork'
    ? `A ${seenIn} of "${cluster}" belongs to another history (epoch ${epoch.number}, ${epoch.id}).`
    : `A ${seenIn} of "${cluster}" is at epoch ${epoch.number}, revision ${revision}: newer than this log.`
