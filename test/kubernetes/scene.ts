/** What the chapters share: a scene under load, and where in every cluster a release is looked at. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { ReleaseView } from '#wire/release.ts'
import type { History } from '../../bench/load/history.ts'
import type { LoadPlan } from '../../bench/load/plan.ts'
import type { ControlClient } from '../../deploy/local/control-client.ts'
import { timedOut, until, untilPhase } from '../../deploy/local/until.ts'
import { expectFlawless, faultOf } from '../story/scene.ts'
import { countApart, type MayBeCut } from './cut.ts'
import { createPodEnds } from './pod-ends.ts'
import {
  type KubernetesObject,
  namespace,
  type StoryCluster,
  type StoryStage,
} from './story-stage.ts'

/** What the watches may tell later than the load saw it. */
const watchLagMs = 1_000

/**
 * Plays `scene`, in which pods end before anybody is told: no request failed or was misrouted but
 * those that the end of a pod of this app has cut, which are counted and told.
 */
export async function underDeaths(
  stage: StoryStage,
  app: string,
  history: History,
  scene: () => Promise<void>,
  plan: Partial<LoadPlan> = {},
  mayBeCut?: readonly MayBeCut[],
): Promise<void> {
  const pods = createPodEnds()
  const watches = stage.clusters.map(({ watch }) =>
    watch(['pods', '--selector', `switchyard.dev/app=${app}`], pods.take),
  )
  const load = await stage.load(app, plan)
  const fault = await faultOf(scene)
  const result = await load.stop()
  await delay(watchLagMs)
  for (const one of watches) one.stop()
  const ends = pods.ends()
  const { judged, cut } = countApart(result, ends, mayBeCut)
  expectFlawless(judged, history, fault)
  const requests = result.samples.length
  console.log(
    `${app}: ${requests} requests, 0 failed, ${cut.length} cut by the ends of ${ends.length} containers`,
  )
  expect(ends.length).toBeGreaterThan(0)
  expect(cut.length).toBeLessThan(requests / 100)
}

export const live = { wait: 'active', timeoutMs: 30_000 } as const

/** Every agent of every cluster answers the app's host with this version. */
export async function expectVersion(
  stage: StoryStage,
  app: string,
  version: string,
): Promise<void> {
  const answers = Object.entries(await stage.ask(app))
  expect(answers.length).toBeGreaterThan(0)
  for (const [agent, answer] of answers) {
    expect(answer, agent).toMatchObject({ status: 200, version })
  }
}

/** In every cluster at once. */
export const everywhere = <Seen>(
  stage: StoryStage,
  act: (cluster: StoryCluster) => Promise<Seen>,
): Promise<readonly Seen[]> => Promise.all(stage.clusters.map(act))

const withinMs = 120_000
const everyMs = 500

/** The first state of an object that `holds`, by one watch: a kubectl for each look would take its share of a core. */
export const untilObject = <Seen>(
  what: string,
  { name: where, watch }: StoryCluster,
  [kind, name]: readonly [string, string],
  holds: (seen: Seen) => boolean,
  boundMs = withinMs,
): Promise<Seen> =>
  new Promise((resolve, reject) => {
    let last: Seen | null = null
    const end = (settle: () => void) => {
      clearTimeout(timer)
      watching.stop()
      settle()
    }
    const watching = watch<Seen>([kind, name], ({ type, object }) => {
      last = type === 'DELETED' ? null : object
      if (last !== null && holds(last)) end(() => resolve(object))
    })
    const late = () => end(() => reject(timedOut(`${what} in ${where}`, boundMs, last)))
    const timer = setTimeout(late, boundMs)
  })

/** Waits until the Deployment has as many pods, all ready and no other. */
export const untilReplicas = (
  cluster: StoryCluster,
  deployment: string,
  count: number,
): Promise<KubernetesObject> =>
  untilObject<KubernetesObject>(
    `${deployment} has ${count} pods`,
    cluster,
    ['deployment', deployment],
    ({ spec, status }) =>
      spec.replicas === count &&
      (status.readyReplicas ?? 0) === count &&
      (status.replicas ?? 0) === count,
  )

export const untilGone = (
  { name: where, kubectl }: StoryCluster,
  kind: string,
  name: string,
): Promise<unknown> =>
  until(
    `${kind} ${name} is gone from ${where}`,
    () => kubectl(['get', kind, name, '--namespace', namespace, '--ignore-not-found']),
    (text) => text === '',
    withinMs,
    everyMs,
  )

/** Waits until it waits for this, in these words. */
export const untilWaits = (
  { client }: StoryStage,
  release: string,
  code: NonNullable<ReleaseView['waiting']>['code'],
  words: RegExp,
): Promise<ReleaseView> =>
  until(
    `${release} waits for ${code}: ${words}`,
    () => client.getRelease(release),
    ({ waiting }) => waiting?.code === code && words.test(waiting.message),
    withinMs,
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
