/**
 * Whether a release that a document asks for has been asked for already, so that applying a folder twice
 * starts nothing twice. A release that was given up or went back does not count: it is asked for again.
 */
import type { ReleaseDocument } from './document.ts'
import type { ReleasePhase, ReleaseView } from './release.ts'

type Shown = Pick<ReleaseView, 'id' | 'app' | 'version' | 'clusters' | 'phase' | 'undo'> &
  Partial<Pick<ReleaseView, 'image' | 'deployment'>>

const counts: ReadonlySet<ReleasePhase> = new Set([
  'starting',
  'ready',
  'preparing',
  'committing',
  'progressing',
  'live',
])

/**
 * The release that answers the document: in each cluster that it names (or of the app), the newest that is
 * on its way or live has the version, and the image or Deployment if it names one. `releases` as `GET /v1/releases` lists them, newest first. Null: it
 * is still to be created.
 */
export function releaseAsked(
  { spec }: ReleaseDocument,
  appClusters: readonly string[],
  releases: readonly Shown[],
): string | null {
  const running = releases.filter(({ app, phase }) => app === spec.app && counts.has(phase))
  const newest = (spec.clusters ?? appClusters).map((cluster) =>
    running.find(({ clusters }) => clusters.includes(cluster)),
  )
  const answers = (release: Shown | undefined) =>
    release !== undefined &&
    (spec.undo === undefined ? isMadeOf(release, spec) : release.undo === spec.undo)
  return newest.every(answers) ? (newest[0]?.id ?? null) : null
}

const isMadeOf = (release: Shown, { version, image, deployment }: ReleaseDocument['spec']) =>
  release.version === version &&
  (image === undefined || release.image === image) &&
  (deployment === undefined || release.deployment === deployment)
