/**
 * What can make control take a turn: an intent (somebody asks), a report (an agent says what it serves)
 * or the alarm (time has passed). Nothing else changes anything.
 */
import type { AppIntent } from '#wire/app.ts'
import type { Rejection } from '#wire/codes.ts'
import type { FreezeIntent } from '#wire/freeze.ts'
import type { IngressIntent } from '#wire/ingress.ts'
import type { ReleaseIntent } from '#wire/release.ts'
import type { Report } from '#wire/report.ts'
import type { TokenScope } from '#wire/token.ts'
import type { WebhookFormat } from '#wire/webhook.ts'
import type { Permit } from './permission.ts'
import type { KnownKeys } from './state.ts'

/** Ranked: each includes those behind it. Further scopes are in `wire/token.ts`. */
export type Scope = 'admin' | 'release' | 'read'

/** Where an intent came from, as far as the runtime knows. */
export interface Origin {
  readonly address: string | null
  /** `User-Agent`, printable, cut. */
  readonly client: string | null
}

export type Intent =
  | { readonly type: 'put-app'; readonly app: string; readonly body: AppIntent }
  | { readonly type: 'delete-app'; readonly app: string }
  | { readonly type: 'create-release'; readonly body: ReleaseIntent }
  | {
      readonly type: 'promote-release'
      readonly release: string
      /** To the end at once. */
      readonly full?: true
      readonly override?: { readonly reason: string }
    }
  | {
      readonly type:
        | 'abort-release'
        | 'rollback-release'
        | 'decommission-release'
        | 'resume-release'
      readonly release: string
    }
  | {
      readonly type: 'pause-release' | 'approve-release'
      readonly release: string
      readonly reason?: string
    }
  | {
      readonly type: 'issue-preview-link'
      readonly release: string
      /** Random; not part of what a repeated call must have in common. */
      readonly link: string
      readonly expiresInMs: number
    }
  | {
      readonly type: 'put-ingress'
      readonly cluster: string
      readonly namespace: string
      readonly name: string
      readonly body: IngressIntent
    }
  | {
      readonly type: 'delete-ingress'
      readonly cluster: string
      readonly namespace: string
      readonly name: string
    }
  | { readonly type: 'set-freeze'; readonly name: string; readonly body: FreezeIntent }
  | { readonly type: 'lift-freeze'; readonly name: string }
  /** `init`: the first record of a history, and later to add clusters. */
  | {
      readonly type: 'init'
      readonly epochId: string
      readonly clusters: readonly { readonly name: string; readonly enrolmentTokenHash: string }[]
      readonly adminTokenHash: string | null
    }
  /** `recover`: raises the epoch above everything the fleet has seen. */
  | { readonly type: 'recover'; readonly epochId: string; readonly epochNumber: number }
  | {
      readonly type: 'enrol-agent'
      readonly cluster: string
      readonly agent: string
      readonly publicKey: string
      readonly tokenHash: string
    }
  | { readonly type: 'forget-agent'; readonly cluster: string; readonly agent: string }
  | {
      readonly type: 'create-token'
      readonly name: string
      readonly scope: Scope
      readonly tokenHash: string
      readonly scopes?: readonly TokenScope[]
      readonly apps?: readonly string[]
      readonly clusters?: readonly string[]
      readonly expiresInMs?: number
    }
  | { readonly type: 'add-key'; readonly newKey: string; readonly known: KnownKeys }
  | {
      readonly type: 'activate-key' | 'retire-key'
      readonly keyId: string
      /** What the runtime holds: counts until the log says something about keys. */
      readonly known: KnownKeys
    }
  | { readonly type: 'revoke-token'; readonly name: string }
  | {
      readonly type: 'set-webhook'
      readonly name: string
      readonly origin: string
      readonly urlHash: string
      readonly events: readonly string[]
      readonly apps: readonly string[] | null
      readonly format: WebhookFormat
    }
  | { readonly type: 'remove-webhook'; readonly name: string }

export type Input =
  | {
      readonly kind: 'intent'
      readonly intent: Intent
      /** Who asks: a token's name, `agent:<name>` or `operator` at the machine. */
      readonly actor: string
      /** The caller's `Idempotency-Key`, or null for one of ours. */
      readonly idempotencyKey: string | null
      /** What the caller's token may; left out: nothing beyond asking this. */
      readonly scopes?: readonly TokenScope[]
      /** Apps and clusters that it may change; left out: all. */
      readonly permit?: Permit
      readonly origin?: Origin
      /** Why, in the caller's words. */
      readonly reason?: string
      /** `If-Match`: the release's etag that the caller has seen. */
      readonly ifMatch: string | null
    }
  | {
      readonly kind: 'report'
      readonly report: Report
      /** Control's monotonic clock at receipt, for skew (DESIGN D5). */
      readonly receivedMs: number
      /** How long it had been stored before control read it; left out: it came from the agent. */
      readonly ageMs?: number
    }
  | { readonly kind: 'alarm' }

export type IntentInput = Extract<Input, { kind: 'intent' }>

/** What a turn answers: the recorded answer when an idempotency key repeats. */
export type Answer =
  | {
      readonly ok: true
      readonly status: number
      /** Log position after which the answer holds; the revision to wait for. */
      readonly revision: number
      readonly body: unknown
      readonly repeated: boolean
    }
  | { readonly ok: false; readonly rejection: Rejection }
