/**
 * Small texts that a runtime keeps beside the log, because the log is no place for them: private keys, the
 * first tokens, addresses and secrets of webhooks. Under Node they are files of the state folder.
 */
export interface Store {
  /** Null when there is no such text. */
  read(name: string): string | null
  /** Durable and whole once it returns; for nobody else's eyes. */
  write(name: string, text: string): void
  /** Nothing happens when there is no such text. */
  remove(name: string): void
}

export const storedNames = {
  keys: 'keys.json',
  adminToken: 'admin.token',
  enrolmentToken: (cluster: string) => `enrol-${cluster}.token`,
  fleetEpoch: 'fleet-epoch.json',
  webhookSecret: (name: string) => `webhook-${name}.secret`,
  webhookCursors: 'webhook-cursors.json',
} as const
