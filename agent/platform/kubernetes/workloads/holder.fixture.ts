/** A holder of the Lease whom nobody disputes, on an API server that begins anew for each test. */
import { beforeEach } from 'vitest'
import type { ApiServer } from './api-server.fixture.ts'
import type { Outcome } from './reconcile.ts'
import { serverWithTemplate, type Undisputed, undisputed } from './story.fixture.ts'
import type { Wanted } from './wanted.ts'
import type { Note } from './write.ts'

export let server: ApiServer
export let notes: Note[]
let revision: number

beforeEach(() => {
  server = serverWithTemplate()
  notes = []
  revision = 0
})

export const applyAt: Undisputed = (...asked) => undisputed(server, notes)(...asked)
/** The next snapshot. */
export const apply = (...wanted: readonly Wanted[]): Promise<Outcome> =>
  applyAt({ epoch: 1, revision: ++revision }, wanted)
export const words = ({ troubles }: Outcome, release: string): string =>
  (troubles.get(release) ?? []).join('; ')
