/** A preview link is issued for a candidate that takes them; what it is worth is only in its signature. */
import type { Ruling } from '../decide.ts'
import type { Intent } from '../input.ts'
import { reject, unknownRelease } from '../rejections.ts'
import { isCandidate } from '../snapshot/snapshot.ts'
import { releaseOf, type State } from '../state.ts'

type IssueLink = Extract<Intent, { type: 'issue-preview-link' }>

export interface IssuedLink {
  readonly id: string
  readonly app: string
  readonly release: string
  readonly expiresAtMs: number
}

export function decideLink(state: State, intent: IssueLink, now: number): Ruling {
  const { release: id, link, expiresInMs } = intent
  const release = releaseOf(state, id)
  if (!release) return unknownRelease(id)
  if (!release.preview?.links || !isCandidate(release)) {
    return reject('preview-not-linked', `${id} is ${release.phase} and takes no preview links.`, {
      fix: 'Create the release with `preview: {links: true}`; links end when it is public or given up.',
      evidence: { release: id, phase: release.phase, preview: release.preview },
    })
  }
  const expiresAtMs = now + expiresInMs
  const issued: IssuedLink = { id: link, app: release.app, release: id, expiresAtMs }
  return {
    events: [{ type: 'preview-link-issued', v: 1, release: id, link, expiresAtMs }],
    status: 201,
    body: () => issued,
  }
}
