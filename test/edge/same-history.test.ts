/**
 * The same history of intents and reports makes byte-identical objects and digests under Node and on
 * workerd: histories by chance, asked of both, call by call.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalBytes } from '#wire/digest.ts'
import { limits } from '#wire/limits.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { type AgentUnderTest, enrolAgent } from '../../control/agent-under-test.ts'
import { type ControlUnderTest, startControl } from '../../control/control-under-test.ts'
import type { Intent } from '../../control/domain/input.ts'
import { recover } from '../../control/node/commands.ts'
import { clusters, createRelease, motion, motions, putApp } from '../simulation/operators.ts'
import { createRandom, type Random } from '../simulation/random.ts'
import { startControl as startOnWorkerd } from './control-under-test.ts'

const apps = ['shop', 'blog'] as const
const histories = fc.record({ seed: fc.nat(), steps: fc.integer({ min: 16, max: 48 }) })

/** One thing that happens, to any control. */
type Step =
  | { readonly call: readonly [method: string, path: string, body?: unknown] }
  /** Every agent reports that it is where its snapshot wants it. */
  | { readonly call: null }

it('makes the same objects and digests on both', { timeout: 600_000 }, async () => {
  let completed = 0
  const property = fc.asyncProperty(histories, async ({ seed, steps }) => {
    const history = historyOf(createRandom(seed), steps)
    const [node, workerd] = await Promise.all([startScene(onNode), startScene(startOnWorkerd)])
    try {
      for (const step of history) {
        const [here, there] = [await node.take(step), await workerd.take(step)]
        expect(there, JSON.stringify(step)).toEqual(here)
      }
      for (const cluster of clusters) {
        const [here, there] = [await node.snapshot(cluster), await workerd.snapshot(cluster)]
        expect(there.digest).toBe(here.digest)
        expect(there.revision).toBe(here.revision)
        expect(canonicalBytes(there.objects)).toEqual(canonicalBytes(here.objects))
        completed += here.objects.filter(
          (held) => held.kind === 'position' && held.weights.length > 0,
        ).length
      }
    } finally {
      await Promise.all([node.stop(), workerd.stop()])
    }
  })
  await fc.assert(property, { numRuns: 4 })
  expect(completed, 'traffic was moved').toBeGreaterThan(0)
})

/** An object's log begins under a higher epoch: so does this one, that positions are the same. */
async function onNode(names: string[]): Promise<ControlUnderTest> {
  const control = await startControl(names)
  const clocks = { now: Date.now, monotonicMs: () => performance.now() }
  await control.served.stop()
  await recover({ folder: control.folder, ...clocks, wrapLog: (log) => log })
  await control.restart()
  return control
}

async function startScene(start: (names: string[]) => Promise<ControlUnderTest>) {
  const control = await start([...clusters])
  const agents: ({ readonly cluster: string } & AgentUnderTest)[] = []
  for (const cluster of clusters) {
    agents.push({ cluster, ...(await enrolAgent(control, cluster, `${cluster}-a`)) })
  }
  async function snapshot(cluster: string) {
    const { body } = await control.call('GET', `/v1/clusters/${cluster}/snapshot`)
    const { digest, revision } = body
    return { digest, revision, objects: body.objects as unknown as readonly SnapshotObject[] }
  }
  async function follow(): Promise<void> {
    for (const { cluster, report } of agents) {
      const { objects } = await snapshot(cluster)
      const acked = { appliedMs: 1, activeForMs: 1 }
      const positions = objects.flatMap((held) =>
        held.kind === 'position'
          ? [
              [
                held.app,
                { prepared: held.next?.generation ?? 0, active: held.generation, ...acked },
              ],
            ]
          : [],
      )
      const releases = objects.flatMap((held) => (held.kind === 'backend' ? [held.release] : []))
      await report({
        positions: Object.fromEntries(positions),
        readyEndpoints: Object.fromEntries(releases.map((release) => [release, 4])),
      })
    }
  }
  return {
    snapshot,
    async take({ call }: Step): Promise<unknown> {
      if (!call) {
        await follow()
        return null
      }
      const [method, path, body] = call
      const answer = await control.call(method, path, { ...(body !== undefined && { body }) })
      return [answer.status, answer.body.code, answer.headers.get('switchyard-revision')]
    },
    stop: () => control.stop(),
  }
}

function historyOf(random: Random, steps: number): readonly Step[] {
  const begin = apps.map((app) => callOf(putApp(random, app)))
  const more = Array.from({ length: steps }, () =>
    random.chance(0.4) ? { call: null } : callOf(intentBy(random)),
  )
  return [...begin, ...apps.map((app) => callOf(createRelease(random, app))), ...more]
}

function intentBy(random: Random): Intent {
  const app = random.pick(apps)
  const release = `${app}-r${1 + random.below(3)}`
  return random.pick([
    () => putApp(random, app),
    () => createRelease(random, app),
    () => createRelease(random, app),
    () => motion(random, 'promote', release),
    () => motion(random, 'promote', release),
    () => motion(random, random.pick(motions), release),
  ])()
}

/** Nothing in it ends by a clock, which runs differently for each. */
function callOf(intent: Intent): Step {
  const timeless = (value: unknown) =>
    JSON.parse(
      JSON.stringify(value, (name, held) => {
        if (name === 'pause') return { until: 'promote' }
        if (name === 'deadlineMs') return limits.switchDeadlineMs
        return name === 'drainDeadlineMs' ? undefined : held
      }),
    )
  switch (intent.type) {
    case 'put-app':
      return { call: ['PUT', `/v1/apps/${intent.app}`, timeless(intent.body)] }
    case 'create-release':
      return { call: ['POST', '/v1/releases', timeless(intent.body)] }
    default: {
      const { type, release, ...body } = intent as { type: string; release: string }
      const what = type.replace('-release', '')
      return { call: ['POST', `/v1/releases/${release}/${what}`, timeless(body)] }
    }
  }
}
