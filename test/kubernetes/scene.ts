/** What the chapters share: a scene under load, and where in Kubernetes a release is looked at. */
import { expect } from 'vitest'
import type { ReleaseView } from '#wire/release.ts'
import type { History } from '../../bench/load/history.ts'
import type { ControlClient } from '../../deploy/local/control-client.ts'
import { until, untilPhase } from '../../deploy/local/until.ts'
import { expectFlawless } from '../story/scene.ts'
import { countApart } from './cut.ts'
import type { KubernetesObject, KubernetesStage } from './stage.ts'

/** Plays `scene`; no request failed or was misrouted. Gives how many an abrupt death of a pod has cut. */
export async function underAbruptDeaths(
  stage: KubernetesStage,
  app: string,
  history: History,
  ratePerSecond: number,
  scene: () => Promise<void>,
): Promise<{ readonly requests: number; readonly cut: number }> {
  const load = await stage.load(app, { ratePerSecond })
  let result: Awaited<ReturnType<typeof load.stop>>
  try {
    await scene()
  } finally {
    result = await load.stop()
  }
  const { judged, cut } = countApart(result)
  expectFlawless(judged, history)
  return { requests: result.samples.length, cut: cut.length }
}

export const live = { wait: 'active', timeoutMs: 15_000 } as const

/** Every agent answers the app's host with this version. */
export async function expectVersion(
  stage: KubernetesStage,
  app: string,
  version: string,
): Promise<void> {
  for (const name of Object.keys(stage.fleet.agents)) {
    expect(await stage.get(name, app)).toMatchObject({ status: 200, version })
  }
}

/** Waits until the Deployment has as many pods, all ready and no other. */
export const untilReplicas = (
  stage: KubernetesStage,
  deployment: string,
  count: number,
): Promise<KubernetesObject> =>
  until(
    `${deployment} has ${count} pods`,
    () => stage.read<KubernetesObject>('deployment', deployment),
    ({ spec, status }) =>
      spec.replicas === count &&
      (status.readyReplicas ?? 0) === count &&
      (status.replicas ?? 0) === count,
    40_000,
    200,
  )

export const untilGone = (stage: KubernetesStage, kind: string, name: string): Promise<unknown> =>
  until(
    `${kind} ${name} is gone`,
    () => stage.cluster.kubectl(['get', kind, name, '--namespace', 'shop', '--ignore-not-found']),
    (text) => text === '',
    40_000,
    200,
  )

/** Waits until it waits for this, in these words. */
export const untilWaits = (
  stage: KubernetesStage,
  release: string,
  code: NonNullable<ReleaseView['waiting']>['code'],
  words: RegExp,
): Promise<ReleaseView> =>
  until(
    `${release} waits for ${code}: ${words}`,
    () => stage.fleet.client.getRelease(release),
    ({ waiting }) => waiting?.code === code && words.test(waiting.message),
    30_000,
    50,
  )

/** Once the ledger says that nothing uses it. */
export async function decommission(client: ControlClient, release: string): Promise<void> {
  await until(
    `${release} is not in use`,
    () => client.getRelease(release),
    (view) => view.ledger.mayDecommission,
  )
  await client.step(release, 'decommission')
  await untilPhase(client, release, 'decommissioned')
}
