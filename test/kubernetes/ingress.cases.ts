/**
 * Chapter 11: the YAML of HAProxy's post with only the class changed. A Service's selector flips between the pods of
 * `app-blue` and `app-green`: how long after the EndpointSlice's event the last request reached the old ones.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blueGreen } from '../../agent/platform/kubernetes/ingress/ingress.fixture.ts'
import { createHistory } from '../../bench/load/history.ts'
import { monotonicMs } from '../../bench/load/plan.ts'
import { lastSentMs, spread } from '../../bench/load/verdict.ts'
import { until } from '../../deploy/local/until.ts'
import { deploy } from '../install/rendered.ts'
import { underLoad } from '../story/scene.ts'
import { imageOf } from './images.ts'
import { everywhere } from './scene.ts'
import type { StoryCluster, StoryStage } from './story-stage.ts'
import type { Watching } from './watch.ts'

/** Its own, because the names of the post's objects are those of another chapter too. */
const namespace = 'post'
/** The Ingress objects have no host: whichever nobody else has. */
const app = 'post'
const ratePerSecond = 500
const sides = {
  blue: { deployment: 'app-blue', version: '1', selector: { run: 'app', version: '0.0.1' } },
  green: { deployment: 'app-green', version: '2', selector: { run: 'app', version: '0.0.2' } },
}
type Colour = keyof typeof sides
type Side = (typeof sides)[Colour]

/**
 * From the event, as kubectl prints it, to the last old request; less than nothing where the agents heard of it first.
 * 20 ms are promised; the fleet, two clusters and the load share two cores.
 */
const [medianMsMax, worstMsMax] = [20, 250]

export interface HowOftenFlipped {
  readonly flips: number
}

interface Flip {
  readonly cluster: string
  readonly from: Colour
  /** The events: the Service selects the other side; its slice has the pods of that side alone. */
  readonly selectedMs: number
  readonly eventMs: number
  readonly settledMs: number
}

export function ingressChapter(stageOf: () => StoryStage, { flips }: HowOftenFlipped): void {
  describe("the post's YAML, its class changed", { timeout: 300_000 + flips * 10_000 }, () => {
    let watched: readonly FlipWatch[] = []

    beforeAll(async () => {
      await everywhere(stageOf(), async ({ kubectl }) => {
        await kubectl(['create', 'namespace', namespace])
        await kubectl(['apply', '-n', namespace, '-k', `${deploy}/namespace`])
        const yaml = blueGreen()
          .replaceAll('image: app:0.0.1', `image: ${imageOf('1')}`)
          .replaceAll('image: app:0.0.2', `image: ${imageOf('2')}`)
        await kubectl(['apply', '-n', namespace, '-f', '-'], yaml)
        const ready = ['--for=condition=Available', '--timeout=120s']
        await kubectl([
          'wait',
          'deployment/app-blue',
          'deployment/app-green',
          '-n',
          namespace,
          ...ready,
        ])
      })
      watched = await everywhere(stageOf(), async (cluster) => watchFlips(cluster))
    }, 300_000)
    afterAll(async () => {
      for (const { stop } of watched) stop()
      const remove = ['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']
      await everywhere(stageOf(), ({ kubectl }) => kubectl(remove))
    })

    test('blue answers, and green under /test, rewritten to its root', async () => {
      const stage = stageOf()
      await untilAnswered(stage, '/cart', { status: 200, version: '1', path: '/cart' })
      await untilAnswered(stage, '/test/cart', { status: 200, version: '2', path: '/' })
    })

    test(`the selector flipped ${flips} times: no request fails, traffic follows the event`, async () => {
      const stage = stageOf()
      const history = createHistory('1')
      const made: Flip[] = []
      const scene = async () => {
        for (let n = 0; n < flips; n++) {
          const [from, to]: readonly Colour[] = n % 2 === 0 ? ['blue', 'green'] : ['green', 'blue']
          await history.move(sides[to!].version, async () => {
            const flipped = await everywhere(stage, async (cluster) => {
              const { name } = cluster
              const seen = watched.find((one) => one.name === name)!.next(sides[to!])
              const patch = JSON.stringify({ spec: { selector: sides[to!].selector } })
              await cluster.kubectl(['patch', 'service', 'app', '-n', namespace, '-p', patch])
              return { cluster: name, from: from!, ...(await seen) }
            })
            await untilAnswered(stage, '/', { status: 200, version: sides[to!].version })
            for (const one of flipped) made.push({ ...one, settledMs: monotonicMs() })
          })
        }
      }
      const { samples } = await underLoad(stage, app, history, scene, { ratePerSecond })
      const followedMs = made.map(({ cluster, from, eventMs, settledMs }) => {
        const own = samples.filter(({ target }) => target === cluster)
        const lastMs = lastSentMs(own, sides[from].version, settledMs)
        expect(lastMs).not.toBeNull()
        return lastMs! - eventMs
      })
      for (const from of ['blue', 'green'] as const) {
        const these = followedMs.filter((_, n) => made[n]!.from === from)
        console.log(`from ${from}: ${row('the event to the last old request', these)}`)
      }
      const ownMs = made.map(({ selectedMs, eventMs }) => eventMs - selectedMs)
      console.log(row("Kubernetes' own: the patched Service to the event", ownMs))
      const { count, p50, max } = spread(followedMs)
      expect(count).toBe(flips * stage.clusters.length)
      expect(p50).toBeLessThan(medianMsMax)
      expect(max).toBeLessThan(worstMsMax)
    })
  })
}

const untilAnswered = (stage: StoryStage, path: string, answer: object) =>
  until(
    `every agent answers ${path} with ${JSON.stringify(answer)}`,
    async () => Object.values(await stage.ask(app, path)),
    (answers) => {
      expect(answers.length).toBeGreaterThan(0)
      for (const one of answers) expect(one).toMatchObject(answer)
      return true
    },
    60_000,
    50,
  )

const row = (what: string, values: readonly number[]): string => {
  const { count, p50, p99, max } = spread(values)
  return `${what}, ms: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${max.toFixed(1)} (${count})`
}

interface FlipWatch extends Watching {
  readonly name: string
  /** From now on: when the Service selected this side, and when its slice had ready pods of that side alone. */
  next(side: Side): Promise<Pick<Flip, 'selectedMs' | 'eventMs'>>
}

interface Service {
  readonly spec: { readonly selector: { readonly version: string } }
}

interface Slice {
  readonly endpoints: readonly { readonly targetRef: { readonly name: string } }[] | null
}

function watchFlips({ name, watch }: StoryCluster): FlipWatch {
  const selected: { readonly atMs: number; readonly version: string }[] = []
  const served: { readonly atMs: number; readonly pods: readonly string[] }[] = []
  const service = watch<Service>(['service', 'app', '-n', namespace], ({ object }) => {
    selected.push({ atMs: monotonicMs(), version: object.spec.selector.version })
  })
  const which = ['endpointslices', '-n', namespace, '-l', 'kubernetes.io/service-name=app']
  const slice = watch<Slice>(which, ({ object: { endpoints } }) => {
    const pods = (endpoints ?? []).map(({ targetRef }) => targetRef.name)
    served.push({ atMs: monotonicMs(), pods })
  })
  return {
    name,
    stop() {
      service.stop()
      slice.stop()
    },
    async next({ deployment, selector: { version } }) {
      const sinceMs = monotonicMs()
      const [first, last] = await until(
        `both events in ${name}`,
        () => [
          selected.find((one) => one.atMs > sinceMs && one.version === version),
          served.find(
            ({ atMs, pods }) =>
              atMs > sinceMs && pods.length > 0 && pods.every((pod) => pod.startsWith(deployment)),
          ),
        ],
        (both) => both.every((one) => one !== undefined),
        30_000,
        5,
      )
      return { selectedMs: first!.atMs, eventMs: last!.atMs }
    },
  }
}
