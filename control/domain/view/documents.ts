/**
 * The state as documents: what would make the same apps, with the same versions live, on an empty control.
 * Sending one of them back changes nothing.
 */
import {
  type AnyDocument,
  apiVersion,
  appDocumentOf,
  freezeDocumentOf,
  type ReleaseDocument,
} from '#wire/document.ts'
import { releaseIntent } from '#wire/release.ts'
import { type AppState, publicRelease, releasesOf, type State } from '../state.ts'
import { valuesOf } from '../table.ts'

/** Apps by name, each with the documents of its live releases; then freezes by name. */
export function documentsOf(state: State): AnyDocument[] {
  const apps = [...valuesOf(state.apps)].filter((app) => !app.deleting)
  apps.sort((a, b) => (a.app < b.app ? -1 : 1))
  const freezes = [...state.freezes.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return [
    ...apps.flatMap((app) => [appDocumentOf(app.app, app.intent), ...releaseDocuments(state, app)]),
    ...freezes.map(({ name, intent }) => freezeDocumentOf(name, intent)),
  ]
}

/** How it went live is not said again: the first release of an app goes live when it is ready. */
function releaseDocuments(state: State, app: AppState): ReleaseDocument[] {
  const live = releasesOf(state, app).flatMap((release) => {
    const clusters = release.clusters.filter((name) => publicRelease(app, name) === release.id)
    return release.phase === 'live' && clusters.length > 0 ? [{ release, clusters }] : []
  })
  return live.map(({ release, clusters }, n) => {
    const everywhere = app.intent.clusters.every((cluster) => clusters.includes(cluster))
    const { app: name, version, image, deployment } = release
    return {
      apiVersion,
      kind: 'Release',
      metadata: { name: n === 0 ? name : `${name}-${n + 1}` },
      spec: releaseIntent.parse({
        ...{ app: name, version },
        ...(image !== null && { image }),
        ...(deployment !== null && { deployment }),
        ...(!everywhere && { clusters }),
      }),
    }
  })
}
