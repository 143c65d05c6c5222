import { describe, expect, it } from 'vitest'
import * as object from './kube-object.ts'
import { podWords, replicaFailure } from './pod-words.ts'
import { rollingReports, stalledWords, troubleReports } from './progress.ts'
import { deploymentOf, imageRelease, rollingOver } from './story.fixture.ts'

const pod = (containerStatuses: readonly unknown[], more: object = {}, meta: object = {}) =>
  object.pod.parse({
    metadata: { name: 'p', uid: 'u', resourceVersion: '1', ...meta },
    status: { containerStatuses, ...more },
  })
const waits = (reason: string, message = '', more: object = {}) => ({
  name: 'app',
  ready: false,
  state: { waiting: { reason, message } },
  ...more,
})

describe('the words of pods', () => {
  it.each([
    [
      'the pull that failed',
      pod([waits('ErrImagePull', 'failed to pull "shop:9": not found')]),
      'ImagePullBackOff: container "app": failed to pull "shop:9": not found',
    ],
    [
      'and its pause, in the same words',
      pod([
        waits(
          'ImagePullBackOff',
          'Back-off pulling image "shop:9": ErrImagePull: failed to pull "shop:9": not found',
        ),
      ]),
      'ImagePullBackOff: container "app": failed to pull "shop:9": not found',
    ],
    [
      'a crash loop, without a count that grows',
      pod([
        waits('CrashLoopBackOff', 'back-off 40s restarting failed container=app', {
          lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } },
        }),
      ]),
      'CrashLoopBackOff: container "app" ends again and again (OOMKilled, exit code 137)',
    ],
    [
      'a missing Secret',
      pod([waits('CreateContainerConfigError', 'secret "db" not found')]),
      'CreateContainerConfigError: container "app": secret "db" not found',
    ],
    [
      'no node for it',
      pod([], {
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' },
        ],
      }),
      'Unschedulable: 0/1 nodes',
    ],
    [
      'an init container',
      pod([waits('PodInitializing')], {
        initContainerStatuses: [{ ...waits('CrashLoopBackOff'), name: 'migrate' }],
      }),
      'CrashLoopBackOff: container "migrate" ends again and again (Error)',
    ],
  ])('%s', (_what, one, words) => {
    expect(podWords([one])).toMatchObject({ grave: [words], waiting: [] })
  })

  it('a start is no trouble, and a pod that goes is none', () => {
    const starting = pod([waits('ContainerCreating')])
    expect(podWords([starting])).toMatchObject({
      grave: [],
      waiting: ['container "app" has not started yet'],
    })
    const going = pod([waits('CrashLoopBackOff')], {}, { deletionTimestamp: 'now' })
    expect(podWords([going])).toMatchObject({ grave: [], waiting: [] })
  })

  it('a sidecar that is not ready is named when it is all that is missing', () => {
    const initContainerStatuses = [{ name: 'proxy', ready: false, state: { running: {} } }]
    const app = { name: 'app', ready: true, state: { running: {} } }
    expect(podWords([pod([app], { initContainerStatuses })]).waiting).toEqual([
      'container "proxy" is not ready (readiness probe failed, or has not succeeded yet)',
    ])
  })

  it('the same reason of many is said once, the most frequent first', () => {
    const pull = pod([waits('ErrImagePull', 'no')])
    const crash = pod([waits('CrashLoopBackOff')])
    expect(podWords([crash, pull, pull]).grave.map((words) => words.split(':')[0])).toEqual([
      'ImagePullBackOff',
      'CrashLoopBackOff',
    ])
  })
})

const deployed = (
  status: object,
  { release = 'shop-r2', replicas = 3 }: { release?: string; replicas?: number } = {},
) =>
  object.deployment.parse({
    ...deploymentOf('shop-r1', { 'switchyard.dev/deployment': 'shop-r1' }),
    metadata: {
      name: 'shop-r1',
      namespace: 'shop',
      uid: 'd',
      resourceVersion: '1',
      generation: 2,
      labels: { 'switchyard.dev/release': release, 'switchyard.dev/cluster': 'eu-1' },
      annotations: { 'deployment.kubernetes.io/revision': '2' },
    },
    spec: { ...deploymentOf('shop-r1', { a: 'b' }).spec, replicas },
    status: { observedGeneration: 2, ...status },
  })
const set = (release: string, revision: number, replicas: number, availableReplicas: number) =>
  object.replicaSet.parse({
    metadata: {
      name: `shop-r1-${revision}`,
      uid: `set-${revision}`,
      resourceVersion: '1',
      labels: { 'pod-template-hash': `h${revision}` },
      annotations: { 'deployment.kubernetes.io/revision': `${revision}` },
      ownerReferences: [{ uid: 'd' }],
    },
    spec: {
      replicas,
      template: {
        metadata: { labels: { 'switchyard.dev/release': release } },
        spec: { containers: [{ name: 'app' }] },
      },
    },
    status: { replicas, availableReplicas, readyReplicas: availableReplicas },
  })
const viewOf = (deployment: object.Deployment, ...replicaSets: object.ReplicaSet[]) =>
  new Map([
    [
      'shop',
      {
        name: 'shop',
        closed: null,
        deployments: [deployment],
        services: [],
        replicaSets,
        autoscalers: [],
      },
    ],
  ])
const isReady = { conditions: [{ type: 'Ready', status: 'True' }] }
const ready = pod([{ name: 'app', ready: true, state: { running: {} } }], isReady)
const going = pod([{ name: 'app', ready: true }], isReady, { deletionTimestamp: 'now' })
const unready = pod([{ name: 'app', ready: false, state: { running: {} } }])
const unreadyWords =
  'container "app" is not ready (readiness probe failed, or has not succeeded yet)'
const rolls = imageRelease(2, { rolling: rollingOver(['shop-r1']) })
const stalled = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }

describe('the progress of a replacement', () => {
  it('counts the pods of each side by their ReplicaSets', () => {
    const views = viewOf(deployed({}), set('shop-r1', 1, 2, 2), set('shop-r2', 2, 2, 1))
    expect(rollingReports(views, 'eu-1', [rolls], new Map())).toEqual([
      { release: 'shop-r2', updated: 2, ready: 1, old: 2, stalled: null },
    ])
  })

  it('has not begun while the Deployment is still the former one’s', () => {
    const views = viewOf(deployed({ replicas: 3 }, { release: 'shop-r1' }), set('shop-r1', 1, 3, 3))
    expect(rollingReports(views, 'eu-1', [rolls], new Map())).toEqual([
      { release: 'shop-r2', updated: 0, ready: 0, old: 3, stalled: null },
    ])
  })

  it('is not called done before Kubernetes has looked at what we wrote', () => {
    const back = imageRelease(1, { rolling: rollingOver(['shop-r2']) })
    const reports = (observedGeneration: number, old: number) => {
      const deployment = deployed({ observedGeneration }, { release: 'shop-r1' })
      // Its ReplicaSet is from before: all of its pods are there and ready already.
      const views = viewOf(deployment, set('shop-r1', 2, 3, 3), set('shop-r2', 1, old, 0))
      return rollingReports(views, 'eu-1', [back], new Map())
    }
    const done = { release: 'shop-r1', updated: 3, ready: 3, old: 0, stalled: null }
    expect(reports(1, 1)).toEqual([{ ...done, old: 1 }])
    expect(reports(1, 0)).toEqual([])
    expect(reports(2, 0)).toEqual([done])
  })

  it('stalls in Kubernetes’ word, with what the pods say', () => {
    const one = deployed({ conditions: [stalled] })
    expect(stalledWords(one, [pod([waits('CrashLoopBackOff')])])).toBe(
      'ProgressDeadlineExceeded: CrashLoopBackOff: container "app" ends again and again (Error)',
    )
    expect(stalledWords(one, [unready])).toBe(
      `ProgressDeadlineExceeded: 0 of 3 ready: ${unreadyWords}`,
    )
    expect(stalledWords(deployed({ conditions: [] }), [])).toBeNull()
  })

  it('counts those that are ready among the pods whose reasons it tells, whatever else was read', () => {
    // Read before the pods were: all of them were ready then.
    const views = viewOf(
      deployed({ conditions: [stalled], readyReplicas: 3, replicas: 4 }),
      set('shop-r1', 1, 1, 1),
      set('shop-r2', 2, 3, 3),
    )
    const pods = new Map([['shop-r2', [ready, going, unready, unready]]])
    const words = `ProgressDeadlineExceeded: 1 of 3 ready: ${unreadyWords}`
    expect(rollingReports(views, 'eu-1', [rolls], pods)).toMatchObject([{ stalled: words }])
    expect(troubleReports(views, 'eu-1', [rolls], pods, new Map())).toEqual([
      { release: 'shop-r2', message: words },
    ])
  })

  it('counts among those that are read when there are more', () => {
    const many = deployed({ conditions: [stalled] }, { replicas: 80 })
    expect(stalledWords(many, [...Array(49).fill(ready), unready])).toBe(
      `ProgressDeadlineExceeded: 49 of the first 50 ready: ${unreadyWords}`,
    )
  })

  it('stalls when not even a ReplicaSet is made: Kubernetes counts no time then', () => {
    const reason = 'ReplicaSetCreateError'
    const denied = { type: 'Progressing', status: 'False', reason, message: 'exceeded quota: sets' }
    const one = deployed({ observedGeneration: 1, conditions: [denied] })
    const views = viewOf(one, set('shop-r1', 1, 3, 3))
    const words = 'ReplicaSetCreateError: exceeded quota: sets'
    expect(rollingReports(views, 'eu-1', [rolls], new Map())).toEqual([
      { release: 'shop-r2', updated: 0, ready: 0, old: 3, stalled: words },
    ])
    expect(troubleReports(views, 'eu-1', [rolls], new Map(), new Map())).toEqual([
      { release: 'shop-r2', message: words },
    ])
  })

  it('a quota is told in words that name no pod', () => {
    const message = 'pods "shop-r1-5d4f-x7k2p" is forbidden: exceeded quota: none'
    const failed = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }
    const words = 'ReplicaFailure: a pod is forbidden: exceeded quota: none'
    expect(replicaFailure(deployed({ conditions: [failed] }))).toBe(words)
    const invalid = { ...failed, message: 'Pod "shop-r1-5d4f-x7k2p" is invalid: its limits' }
    expect(replicaFailure(deployed({ conditions: [invalid] }))).toBe(
      'ReplicaFailure: a pod is invalid: its limits',
    )
    const views = viewOf(deployed({ conditions: [failed] }), set('shop-r2', 2, 3, 0))
    expect(troubleReports(views, 'eu-1', [rolls], new Map(), new Map())).toEqual([
      { release: 'shop-r2', message: words },
    ])
  })

  it('an adopted Deployment without replicas says how to scale it', () => {
    const { image: _, ...rest } = imageRelease(2)
    const adopted = { ...rest, deployment: 'shop-r1' }
    const views = viewOf(deployed({}, { replicas: 0 }))
    const [trouble] = troubleReports(views, 'eu-1', [adopted], new Map(), new Map())
    expect(trouble?.message).toContain('kubectl -n shop scale deployment shop-r1')
  })
})
