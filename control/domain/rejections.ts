/** The sentences of the rejections that several rules give. */
import type { Rejection, RejectionCode } from '#wire/codes.ts'
import type { ReleaseState } from './state.ts'
import type { Waiting } from './switch/readiness.ts'

export const reject = (
  code: RejectionCode,
  detail: string,
  more: Omit<Rejection, 'code' | 'detail'> = {},
): { readonly rejection: Rejection } => ({ rejection: { code, detail, ...more } })

export const unknownApp = (app: string) =>
  reject('unknown-app', `No app is called "${app}".`, { fix: 'List them with GET /v1/apps.' })

export const unknownApps = (apps: readonly string[], pointer: string, why: string) =>
  reject('unknown-app', `${apps.join(', ')}: ${why}.`, {
    fix: 'List the apps with GET /v1/apps.',
    errors: apps.map((app) => ({ pointer, message: `"${app}": ${why}` })),
  })

export const unknownRelease = (release: string) =>
  reject('unknown-release', `No release is called "${release}".`, {
    fix: 'List them with GET /v1/releases.',
  })

export const unknownClusters = (clusters: readonly string[], pointer: string, why: string) =>
  reject('unknown-cluster', `${clusters.join(', ')}: ${why}.`, {
    fix: 'List the clusters with GET /v1/clusters.',
    errors: clusters.map((cluster) => ({ pointer, message: `"${cluster}": ${why}` })),
  })

export const inProgress = (release: ReleaseState) =>
  reject('release-in-progress', `${release.id} of the same app is ${release.phase}.`, {
    fix:
      release.phase === 'committing'
        ? 'Wait until it is live, or roll it back.'
        : 'Promote it until it is live, or abort it.',
    evidence: { release: release.id, phase: release.phase },
  })

export const phaseConflict = (release: ReleaseState, fix: string) =>
  reject('phase-conflict', `${release.id} is ${release.phase}.`, {
    fix,
    evidence: { release: release.id, phase: release.phase },
  })

export const notReady = (release: ReleaseState, waiting: Waiting | null) =>
  reject('not-ready', waiting?.message ?? `${release.id} is not ready yet.`, {
    fix: 'Wait until its phase is "ready"; GET the release: `waiting` says why.',
    evidence: { release: release.id, phase: release.phase, waiting },
  })

export const stateChanged = (what: string, etag: string) =>
  reject('state-changed', `${what} has changed since it was read.`, {
    fix: 'Read it again and decide again.',
    evidence: { etag },
  })
