/**
 * What a row of the switch table needs of the world: intents, agents that fall silent and come back, and a
 * view of what public requests reach. The pure machine is one world; real programs are another.
 */
import type { AppIntent } from '#wire/app.ts'
import type { RejectionCode } from '#wire/codes.ts'
import type { ReleaseIntent, ReleaseView } from '#wire/release.ts'

export interface Refused {
  readonly code: RejectionCode
  readonly detail: string
  readonly evidence: Readonly<Record<string, unknown>>
}

/** A release after an accepted call, or the refusal. */
export type Outcome =
  | { readonly view: ReleaseView; readonly repeated: boolean }
  | { readonly refused: Refused }

export type Step = 'promote' | 'abort' | 'rollback' | 'decommission'

export interface CallOptions {
  readonly ifMatch?: string
  readonly idempotencyKey?: string
}

/** One app on two clusters of two agents: eu-1-a, eu-1-b, us-1-a, us-1-b. */
export interface SwitchWorld {
  readonly app: string
  put(changes?: Partial<AppIntent>): Promise<Refused | null>
  deleteApp(): Promise<Refused | null>
  create(intent: Partial<ReleaseIntent> & { version: string }): Promise<Outcome>
  step(step: Step, release: string, options?: CallOptions): Promise<Outcome>
  view(release: string): Promise<ReleaseView>
  /** Polls, with a bound, until it holds. */
  until(release: string, holds: (view: ReleaseView) => boolean): Promise<ReleaseView>
  /** The release that a public request to this agent reaches now. */
  publicAt(agent: string): Promise<string | null>
  /** The agent hears and says nothing from now on; what it has opened stays open. */
  silence(agent: string): Promise<void>
  wake(agent: string): Promise<void>
  /** Copies of the release in the agent's cluster die, or come back. */
  setCopies(release: string, agent: string, ready: boolean): Promise<void>
  /** Enrols another agent in the cluster and waits until it serves. */
  join(cluster: string): Promise<string>
  forget(agent: string): Promise<void>
  /** Control dies without a word and starts again from its log. */
  restartControl(): Promise<void>
  /** Opens an exchange through the agent and keeps it open. */
  open(agent: string): Promise<{ close(): Promise<void> }>
  /** Releases whose open exchanges the agent has been told to close. */
  closing(agent: string): Promise<readonly string[]>
  end(): Promise<void>
}

export const agents = ['eu-1-a', 'eu-1-b', 'us-1-a', 'us-1-b'] as const

export function viewOf(outcome: Outcome): ReleaseView {
  if ('refused' in outcome) throw new Error(`${outcome.refused.code}: ${outcome.refused.detail}`)
  return outcome.view
}

export function refusedOf(outcome: Outcome): Refused {
  if ('view' in outcome) throw new Error(`accepted: ${outcome.view.id} is ${outcome.view.phase}`)
  return outcome.refused
}
