/**
 * An agent's configuration: `main.ts` makes it from flags; the supervisor hands it to the pilot and the
 * workers as JSON. Ports are given, never guessed.
 */
import type { LogFormat } from '#wire/log-line.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface AgentConfig {
  readonly cluster: string
  readonly name: string
  /** Private to this agent: its key, its enrolment, the last-known-good, the link's socket. */
  readonly stateFolder: string
  /** Traffic; the supervisor binds it and every worker inherits it. */
  readonly listen: Address
  /** `/livez` and `/readyz`, answered by workers. */
  readonly probe: Address
  /** `/metrics`, `/table` and `/explain`, answered by the pilot. */
  readonly admin: Address
  readonly workers: number
  /** Control's base URL; the fragment of `--enrol` after `#` is the enrolment token. */
  readonly control: { readonly url: string; readonly enrolmentToken: string | null }
  /** NATS servers when announcements travel there; null: over HTTP from control. */
  readonly nats: string | null
  /** File with what it believes while it has not enrolled; only with `nats`. Left out: it waits for control. */
  readonly introduction?: string
  /** How the log is written to stderr; left out: text. */
  readonly logFormat?: LogFormat
  readonly platform:
    | { readonly type: 'local'; readonly url: string }
    | { readonly type: 'static'; readonly file: string }
    /** Null: the pod's own service account, or else what `KUBECONFIG` names. */
    | { readonly type: 'kubernetes'; readonly kubeconfig: string | null }
  /** On the platform `kubernetes`: which Ingress objects are routes, and what their status says. */
  readonly ingress?: {
    readonly classes: readonly string[]
    /** IP addresses, host names, or `service/<namespace>/<name>`, whose load balancer's address it is. */
    readonly addresses: readonly string[]
  }
}
