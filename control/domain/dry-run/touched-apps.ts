/** The apps that a record is about, as its events name them: directly, or by one of their releases. */
import type { TurnRecord } from '../record.ts'
import { type AppState, appOf, releaseOf, type State } from '../state.ts'

/** As they are after it; a deleted one is left out. */
export function touchedApps(after: State, { events }: TurnRecord): AppState[] {
  const names = events.flatMap((event) => {
    if ('app' in event) return event.app
    return 'release' in event ? (releaseOf(after, event.release)?.app ?? []) : []
  })
  return [...new Set(names)].flatMap((name) => appOf(after, name) ?? [])
}
