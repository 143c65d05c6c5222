/**
 * A NATS server of our own for a local fleet and for tests: found or built, configured with one user and
 * the least permissions per cluster, run as a child process.
 *
 *   <state>/nats/                  the streams; may be wiped or rolled back while stopped
 *   <state>/nats-users.json 0600   credentials: `control/delivery/nats-credentials.ts`
 *   <state>/nats.conf       0600   the server's configuration
 *
 *   node deploy/local/nats.ts --state <folder> --port <port> --cluster eu-1 --cluster us-1
 */
export interface LocalNatsOptions {
  readonly stateFolder: string
  readonly port: number
  readonly clusters: readonly string[]
  readonly say?: (line: string) => void
}

export interface LocalNats {
  readonly servers: string
  readonly credentialsFile: string
  readonly storeFolder: string
  readonly pid: number
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>
}

/** Resolves when the server accepts connections. Passwords are kept from a former start. */
export declare function startNats(options: LocalNatsOptions): Promise<LocalNats>
