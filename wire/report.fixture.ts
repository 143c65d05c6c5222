/** What tests let an agent report beside what they are about: it is well, has nothing to serve, and nothing is in use. */
import type { Report } from './report.ts'

export const quiet = {
  instance: '0'.repeat(16),
  startedAtMs: 0,
  formats: [1, 2],
  stale: false,
  drift: null,
  workers: 1,
  positions: {},
  readyEndpoints: {},
  inUse: {},
  refusals: [],
  pinnedKeys: [],
} satisfies Partial<Report>
