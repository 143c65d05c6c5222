/** A session with control itself: server-sent announcements, buckets by GET, reports by POST. */
import type { Session } from './session.ts'

export interface HttpSessionOptions {
  /** Control's base URL. */
  readonly url: string
  readonly cluster: string
  readonly agent: string
  /** This agent's bearer token. */
  readonly token: string
}

export declare function createHttpSession(options: HttpSessionOptions): Session
