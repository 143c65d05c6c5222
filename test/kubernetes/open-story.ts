/** Makes the stage of the story: in two labs of this machine, or in the clusters that `KUBECONFIG` names. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultPlan } from '../../bench/load/plan.ts'
import { type ControlClient, createControlClient } from '../../deploy/local/control-client.ts'
import { untilPhase } from '../../deploy/local/until.ts'
import { demoPort } from '../lab/demo-image.ts'
import type { Link } from '../lab/join.ts'
import { request } from '../stage.ts'
import { startFleetLoad } from './fleet-load.ts'
import { clusterNames, installHome, installOther, optIn, secretOf } from './install.ts'
import { openLabs } from './lab-place.ts'
import { openOutside, outsideContexts } from './outside-place.ts'
import type { Place } from './place.ts'
import { shopDeployment } from './shop-deployment.ts'
import { storyCluster, tailsOf } from './story-cluster.ts'
import {
  namespace,
  type StoryCluster,
  type StoryLoad,
  type StoryStage,
  systemNamespace,
} from './story-stage.ts'

const agentPort = 8080

/** All of a fleet shares the cores of one machine: what is only late has not failed. */
const storyPlan = { ...defaultPlan, concurrencyMax: 2_000, timeoutMs: 30_000 }

export async function openStory(say: (line: string) => void): Promise<StoryStage> {
  const closing: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const step of closing.toReversed()) await step()
  }
  try {
    const { places, link } = await openPlaces(say, closing)
    const folder = await mkdtemp(join(tmpdir(), 'swy-story-'))
    closing.push(() => rm(folder, { recursive: true, force: true }))
    await install(places, folder, closing)
    const [home] = places as [Place]
    const control = await home.openService(systemNamespace, 'switchyard-control', 7_700)
    const token = await secretOf(home, 'switchyard-admin', 'token')
    const client = createControlClient(`http://127.0.0.1:${control}`, token)
    const loads = new Set<StoryLoad>()
    closing.push(async () => {
      for (const load of loads) load.kill()
    })
    const named = places.map((place, n) => ({ place, name: clusterNames[n]! }))
    return { ...(await stageOf(named, client, loads)), link, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openPlaces(
  say: (line: string) => void,
  closing: (() => Promise<unknown>)[],
): Promise<{ places: readonly Place[]; link: Link | null }> {
  const contexts = outsideContexts()
  if (!contexts) {
    const { places, link } = await openLabs(say)
    closing.push(() => Promise.all(places.map((place) => place.close())))
    return { places, link }
  }
  if (contexts.length > clusterNames.length) {
    throw new Error(`the story has ${clusterNames.length} clusters at most: ${contexts.join(', ')}`)
  }
  const places: Place[] = []
  for (const context of contexts) {
    const place = await openOutside(context)
    places.push(place)
    closing.push(place.close)
  }
  return { places, link: null }
}

async function install(
  places: readonly Place[],
  folder: string,
  closing: (() => Promise<unknown>)[],
): Promise<void> {
  const [home, other] = places as [Place, Place?]
  const taken = (place: Place, overlay: string) => {
    const remove = ['delete', '-k', overlay, '--ignore-not-found', '--wait=false']
    if (!place.lab) closing.push(() => place.kubectl(remove))
  }
  taken(home, await installHome(home, folder, places.length))
  if (other) taken(other, await installOther(other, folder, home))
  for (const place of places) await optIn(place)
}

interface Named {
  readonly name: string
  readonly place: Place
}

async function stageOf(
  named: readonly Named[],
  client: ControlClient,
  loads: Set<StoryLoad>,
): Promise<Omit<StoryStage, 'link' | 'close'>> {
  const clusters = named.map(({ name, place }): StoryCluster => storyCluster(name, place))
  /** Of all clusters: the addresses that its name has inside. */
  const serviceTargets = (where: string, service: string) =>
    Promise.all(
      named.map(async ({ name, place }) => {
        const path = ['-o', 'jsonpath={.spec.clusterIP}']
        const host = await place.kubectl(['get', 'service', service, '-n', where, ...path])
        return { place, target: { name, host, port: 80 } }
      }),
    )
  const agentServices = await serviceTargets(systemNamespace, 'switchyard-agent')
  const targets = async () => {
    const found = named.map(async ({ name, place }, n) =>
      Promise.all(
        (await clusters[n]!.agents()).map(async (agent) => ({
          name: `${name}/${agent.name}`,
          host: '127.0.0.1',
          port: await place.openPod(systemNamespace, agent, agentPort),
        })),
      ),
    )
    return (await Promise.all(found)).flat()
  }
  return {
    client,
    clusters,
    home: clusters[0]!,
    targets,
    async putApp(app, { intent = {}, env = {} } = {}) {
      for (const cluster of clusters)
        await cluster.apply(shopDeployment({ name: app, replicas: 0, env }))
      const shop = {
        clusters: clusters.map(({ name }) => name),
        hosts: [`${app}.example`],
        platform: { type: 'kubernetes' as const, namespace, port: demoPort },
        ...intent,
      }
      await client.putApp(app, shop, { wait: 'active', timeoutMs: 30_000 })
    },
    async release(intent, withinMs = 120_000) {
      const { id } = await client.createRelease(intent)
      return untilPhase(client, id, intent.autoPromote ? 'live' : 'ready', withinMs)
    },
    async load(app, changes = {}, service) {
      const plan = { ...storyPlan, authority: `${app}.example`, ...changes }
      const through = service ? await serviceTargets(namespace, service) : agentServices
      const load = await startFleetLoad(
        through.map(({ place, target }) => ({ place, plan: { targets: [target], ...plan } })),
      )
      loads.add(load)
      return load
    },
    async ask(app, path = '/') {
      const answers = (await targets()).map(
        async ({ name, port }) => [name, await request(port, `${app}.example`, path)] as const,
      )
      return Object.fromEntries(await Promise.all(answers))
    },
    async tails() {
      const texts = await Promise.all(named.map(({ name, place }) => tailsOf(name, place)))
      return texts.join('\n')
    },
  }
}
