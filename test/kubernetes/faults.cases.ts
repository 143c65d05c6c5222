/**
 * Chapter 9: the same POSTs under load while parts of the fleet and of Kubernetes are away. No request fails, one
 * side is everywhere at the end, and the releases say what they waited for.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ReleaseView } from '#wire/release.ts'
import { createHistory } from '../../bench/load/history.ts'
import { until } from '../../deploy/local/until.ts'
import { signalPod } from './pod-processes.ts'
import { expectHeard, openPosts, type Posts } from './posts.ts'
import { underDeaths } from './scene.ts'
import { type AgentPod, type StoryStage, systemNamespace } from './story-stage.ts'

export interface HowLongAway {
  readonly apiServerMs: number
  readonly clusterMs: number
}

const supervisor = 'agent/main'
const pilot = 'pilot/pilot'
const agentPort = 8080

export function faultsChapter(
  stageOf: () => StoryStage,
  { apiServerMs, clusterMs }: HowLongAway,
): void {
  const longestMs = Math.max(apiServerMs, clusterMs)
  const bound = { timeout: 400_000 + 2 * longestMs }

  describe('promote, rollback, rolling and a new release, under load, while', () => {
    let posts: Posts
    beforeAll(async () => {
      posts = await openPosts(stageOf(), 240_000 + longestMs)
    }, 300_000)

    test('the agent that leads is killed', bound, async ({ skip }) => {
      const { home, clusters } = stageOf()
      const { lab } = home
      if (!lab) return skip('only a lab kills a process of a pod')
      const leader = (await until('a leader', home.leader, (name) => name !== null, 60_000))!
      // What it was answering dies with it, as with any proxy: everybody asks the others.
      const others = (await Promise.all(clusters.map(({ agents }) => agents())))
        .flat()
        .filter(({ address }) => address !== '')
      const dead = (await home.agents()).find(({ name }) => name === leader)!
      const targets = others
        .filter(({ uid }) => uid !== dead.uid)
        .map(({ name, address }) => ({ name, host: address, port: agentPort }))
      const restarts = () => restartsOf(stageOf(), leader)
      const before = await restarts()
      const heard = await posts.during(
        {
          async begin() {
            // Nobody starts its container again before it has been missed.
            await lab.part('kubelet').kill()
            await signalPod(lab, 'KILL', { pod: leader, command: supervisor })
          },
          async end() {
            const waited = ({ waiting }: ReleaseView) =>
              waiting?.code === 'acks' && waiting.message.includes(`${home.name}/${leader}`)
            try {
              const green = () => stageOf().client.getRelease(posts.green)
              await until('it is waited for', green, waited, 60_000, 20)
            } finally {
              lab.part('kubelet').start()
            }
            await until('it is back', restarts, (count) => count > before, 120_000, 200)
            await home.untilAgentsReady()
          },
        },
        { targets },
      )
      expectHeard(heard, new RegExp(`moved: acks: .*${home.name}/${leader}`))
    })

    test('an agent’s pod is deleted in the middle of prepare', bound, async ({ skip }) => {
      const stage = stageOf()
      const [near, far] = [stage.home, stage.clusters.at(-1)!]
      if (!near.lab) return skip('only a lab stops a process of a pod')
      const [slow, gone] = [await anAgent(near.agents(), 0), await anAgent(far.agents(), 1)]
      const { lab } = near
      const heard = await posts.during({
        // It is not prepared before it goes on.
        begin: () => signalPod(lab, 'STOP', { pod: slow.name, command: pilot }),
        async end({ green }) {
          const preparing = ({ phase }: { phase: string }) => phase === 'preparing'
          await until('it prepares', () => stage.client.getRelease(green), preparing)
          await far.kubectl(['delete', 'pod', gone.name, '-n', systemNamespace, '--wait=false'])
          const pod = ['get', 'pod', gone.name, '-n', systemNamespace, '-o', 'json']
          await until(
            'its pod goes',
            async () => JSON.parse(await far.kubectl(pod)).metadata.deletionTimestamp,
            (when) => when !== undefined,
          )
          expect((await stage.client.getRelease(green)).phase).toBe('preparing')
          await signalPod(lab, 'CONT', { pod: slow.name, command: pilot })
          await until(
            'another pod of its name',
            () => far.agents(),
            (pods) =>
              pods.some(({ name, uid, ready }) => name === gone.name && uid !== gone.uid && ready),
            180_000,
            200,
          )
        },
      })
      expectHeard(
        heard,
        new RegExp(`moved: acks: ${near.name}/${slow.name} is (not prepared|silent)`),
      )
    })

    test('NATS is rescheduled with an empty volume', bound, async () => {
      const { home } = stageOf()
      const system = (...args: string[]) => home.kubectl(['-n', systemNamespace, ...args])
      const scale = (count: number) =>
        system('scale', 'statefulset/switchyard-nats', `--replicas=${count}`)
      await posts.during({
        async begin() {
          await scale(0)
          await system('wait', 'pod/switchyard-nats-0', '--for=delete', '--timeout=180s')
          await system('delete', 'pvc', 'data-switchyard-nats-0')
        },
        async end() {
          await scale(1)
          const status = ['rollout', 'status', 'statefulset/switchyard-nats']
          await system(...status, '--timeout=180s')
        },
      })
    })

    test(`the API server is away for ${apiServerMs / 1_000} s`, bound, async ({ skip }) => {
      const { home, client } = stageOf()
      if (!home.lab) return skip('only a lab stops its API server')
      const { lab } = home
      const agents = await home.agents()
      const server = lab.part('kube-apiserver')
      // Elsewhere it leads by a Lease, ends when it cannot renew that, and is started again. One that lived on would
      // take the silence for the node's, and all its pods for not ready.
      const manager = lab.part('kube-controller-manager')
      const pods = await home.read<Pods>(
        'pods',
        '-l',
        `switchyard.dev/release=${posts.other.release}`,
      )
      const dying = async () => {
        await posts.during({
          async begin() {
            await server.kill()
            await manager.kill()
          },
          async end() {
            // Nobody says of these that they are gone.
            for (const { metadata } of pods.items) {
              await signalPod(lab, 'KILL', { pod: metadata.name })
              await delay(apiServerMs / pods.items.length)
            }
            // What the other cluster was asked for is there: the release waits for the agents of this one alone.
            const all = await client.releases(posts.other.app)
            const { waiting } = all.find(({ phase }) => phase === 'starting')!
            expect(waiting).toMatchObject({ code: 'endpoints' })
            expect(waiting!.message.match(/sees 0 of \d+ ready/g)).toHaveLength(agents.length)
            expect(waiting!.message).toContain(
              `; ${home.name}: nothing can be started or stopped: the API server `,
            )
            server.start()
            await until('its return', () => home.kubectl(['get', 'ns']), Boolean, 120_000, 200)
            manager.start()
          },
        })
      }
      const plan = { ratePerSecond: 100 }
      await underDeaths(stageOf(), posts.other.app, createHistory('1'), dying, plan)
    })

    test('control is deleted, and returns on its volume', bound, async () => {
      const { home } = stageOf()
      const control = ['-l', 'app.kubernetes.io/component=control', '-n', systemNamespace]
      await posts.during({
        begin: async () => void (await home.kubectl(['delete', 'pod', ...control, '--wait=false'])),
        async end() {
          const status = ['rollout', 'status', 'deployment/switchyard-control']
          await home.kubectl([...status, '-n', systemNamespace, '--timeout=180s'])
        },
      })
    })

    test(`a cluster is cut off for ${clusterMs / 1_000} s`, bound, async ({ skip }) => {
      const { link, clusters } = stageOf()
      const far = clusters.at(-1)!
      if (!link) return skip('there is no link to cut')
      const [pod] = await far.agents()
      const heard = await posts.during({
        begin: link.cut,
        async end() {
          await delay(clusterMs)
          await link.mend()
        },
      })
      expectHeard(heard, new RegExp(`moved: acks: .*${far.name}/${pod!.name}`))
    })
  })
}

interface Pods {
  readonly items: readonly { readonly metadata: { readonly name: string } }[]
}

async function anAgent(pods: Promise<readonly AgentPod[]>, place: number): Promise<AgentPod> {
  const sorted = [...(await pods)].sort((a, b) => (a.name < b.name ? -1 : 1))
  return sorted[place]!
}

async function restartsOf({ home }: StoryStage, pod: string): Promise<number> {
  const path = 'jsonpath={.status.containerStatuses[0].restartCount}'
  return Number(await home.kubectl(['get', 'pod', pod, '-n', systemNamespace, '-o', path]))
}
