/** What `If-Match` is compared with: changes with every event that changes the thing, with nothing else. */
import { digestOf } from '#wire/digest.ts'
import type { AppState, ReleaseState } from '../state.ts'

const etagChars = 32

export const releaseEtag = (release: ReleaseState): string => digestOf(release).slice(0, etagChars)

export const appEtag = ({ app, intent, deleting, leaving }: AppState): string =>
  digestOf({ app, intent, deleting, leaving }).slice(0, etagChars)
