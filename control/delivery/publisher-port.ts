/**
 * The port from the turn to whoever announces snapshots. The turn hands over what each cluster should
 * hold now and goes on; retrying, mending and the order within a cluster are the publisher's.
 */
import type { Epoch } from '#wire/header.ts'
import type { Tree } from '#wire/tree.ts'

/** What a cluster should hold: content and positions at a revision. */
export interface Publication {
  readonly epoch: Epoch
  readonly revision: number
  readonly format: number
  readonly tree: Tree
}

/** The fleet has seen more than this log holds, or another history (DESIGN D3). */
export interface FleetAhead {
  readonly cluster: string
  readonly kind: 'newer' | 'fork'
  readonly seenIn: 'header' | 'report'
  readonly epoch: Epoch
  readonly revision: number
}

export interface PublisherPort {
  /** Checks what is stored against the log, then mends and publishes; never rejects. */
  start(publications: ReadonlyMap<string, Publication>): Promise<void>
  /**
   * Resolves when the header is out, or after a short bound while it is retried inside; never rejects.
   * A newer publication of the cluster replaces one that waits.
   */
  publish(cluster: string, publication: Publication): Promise<void>
}
