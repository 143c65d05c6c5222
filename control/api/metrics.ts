/** The port to the metrics: what control tells of itself, and what gauges read from it. */
import type { WebhookView } from '#wire/webhook.ts'
import type { PublisherMetrics } from '../delivery/publisher.ts'

export interface Metrics extends PublisherMetrics {
  requestAnswered(request: {
    readonly method: string
    /** The operation's path with its parameters' names, or `unknown`: never a path as it was sent. */
    readonly route: string
    readonly status: number
    readonly seconds: number
  }): void
  turnTaken(kind: string, seconds: number): void
  webhookTried(name: string, taken: boolean): void
  text(): Promise<{ readonly contentType: string; readonly body: string }>
}

/** What gauges show, read at each scrape. */
export interface Gauges {
  readonly logPosition: number
  /** By cluster: revisions that are durable but not handed to the transport yet. */
  readonly publishLag: Readonly<Record<string, number>>
  readonly agents: readonly {
    readonly cluster: string
    readonly agent: string
    readonly condition: string
  }[]
  readonly releases: readonly { readonly phase: string }[]
  readonly ready: boolean
  readonly tokens: readonly { readonly name: string; readonly expiresAtMs?: number | undefined }[]
  readonly behindFleet: boolean
  readonly inRelease: ReleaseGauges
  readonly webhooks: readonly Pick<WebhookView, 'name' | 'state' | 'behind'>[]
}

/** Bounded: see `gauges.ts`. */
export interface ReleaseGauges {
  /** Releases that wait for something else than people. */
  readonly waiting: readonly {
    readonly app: string
    readonly release: string
    readonly code: string
  }[]
  readonly paused: readonly {
    readonly app: string
    readonly release: string
    readonly by: 'people' | 'fleet'
  }[]
  /** Apps whose newest switch is complete without some agents. */
  readonly incomplete: readonly { readonly app: string; readonly agents: number }[]
  /** The newest release with public traffic, and the one before it. */
  readonly roles: readonly {
    readonly app: string
    readonly release: string
    readonly role: 'new' | 'old'
  }[]
}
