/**
 * Every flow that Switchyard needs passes the NetworkPolicies of each way to install it, and what nobody needs does
 * not; one of two agents at least stays when nodes are emptied.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/availability.ts'
import { type End, isAllowed, type PodEnd, policiesOf } from './network.ts'
import { type Manifest, manifestsOf, podsOf, render, renderOverlay } from './rendered.ts'

/** As docs/install.md has it for agents on each node. */
const daemonSet = `
namespace: switchyard
resources: [../switchyard/deploy/system, ../switchyard/deploy/agent-daemonset]
`
const forms = ['all-in-one', 'agent-only', 'agent-leaf', 'a DaemonSet'] as const
type Form = (typeof forms)[number]

const strangers = {
  'a pod beside': { namespace: 'switchyard', namespaceLabels: {}, labels: { app: 'x' } },
  'a pod elsewhere': { namespace: 'other', namespaceLabels: {}, labels: { app: 'x' } },
  'one elsewhere with the labels of an agent': {
    namespace: 'other',
    namespaceLabels: {},
    labels: { 'app.kubernetes.io/name': 'switchyard', 'app.kubernetes.io/component': 'agent' },
  },
} as const
const prometheus: PodEnd = {
  namespace: 'monitoring',
  namespaceLabels: { 'switchyard.dev/monitoring': 'true' },
  labels: { app: 'prometheus' },
  ports: {},
}
const shop: PodEnd = {
  namespace: 'shop',
  namespaceLabels: { 'switchyard.dev/managed': 'true' },
  labels: { app: 'shop' },
  ports: { http: 8_080 },
}

describe.skipIf(whyNoLab({ nodes: false }))('the network of an installation', () => {
  const rendered = new Map<Form, readonly Manifest[]>()

  beforeAll(async () => {
    for (const form of forms) {
      const text = form === 'a DaemonSet' ? await renderOverlay(daemonSet) : await render(form)
      rendered.set(form, manifestsOf(text))
    }
  }, 120_000)

  /** A pod of Switchyard, with the ports that its containers name. */
  function pod(form: Form, name: string): PodEnd {
    const { labels, spec } = podsOf(rendered.get(form)!).find((one) => one.name === name)!
    const ports = spec.containers.flatMap((one) => one.ports ?? []) as unknown as readonly {
      readonly name: string
      readonly containerPort: number
    }[]
    return {
      namespace: 'switchyard',
      namespaceLabels: {},
      labels,
      ports: Object.fromEntries(ports.map((port) => [port.name, port.containerPort])),
    }
  }
  const allows = (form: Form, from: End, to: End, port: number) =>
    isAllowed(policiesOf(rendered.get(form)! as never), from, to, port)

  test.each(forms)(
    '%s: every manifest of a policy is in the namespace, which is closed',
    (form) => {
      const policies = policiesOf(rendered.get(form)!)
      expect(new Set(policies.map(({ metadata }) => metadata.namespace))).toEqual(
        new Set(['switchyard']),
      )
      const anything = { ...strangers['a pod beside'], ports: { any: 1 } }
      expect(allows(form, prometheus, anything, 1), 'into a pod that nobody knows').toBe(false)
      expect(allows(form, anything, 'outside', 443), 'and out of it').toBe(false)
    },
  )

  test.each(forms)('%s: agents are reached, scraped, and reach what they follow', (form) => {
    const agent = pod(form, 'switchyard-agent')
    const { http, admin, probe } = agent.ports as Record<string, number>
    const needed: readonly [string, End, End, number][] = [
      ['a client', 'outside', agent, http!],
      ['a client in the cluster', shop, agent, http!],
      ['Prometheus', prometheus, agent, admin!],
      ['pods of an app', agent, shop, 8_080],
      ['the API server', agent, 'outside', 6_443],
      ['DNS', agent, { ...shop, namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }, 53],
      ['control and NATS elsewhere', agent, 'outside', 4_222],
    ]
    for (const [name, from, to, port] of needed) {
      expect(allows(form, from, to, port), name).toBe(true)
    }
    for (const [name, end] of Object.entries(strangers)) {
      for (const port of [admin!, probe!, 1]) {
        expect(allows(form, { ...end, ports: {} }, agent, port), `${name} to ${port}`).toBe(false)
      }
    }
    expect(allows(form, 'outside', agent, admin!), 'metrics from outside').toBe(false)
    expect(allows(form, prometheus, agent, probe!), 'the monitoring sees metrics alone').toBe(false)
  })

  test('all-in-one: control, NATS, agents and the Job reach each other, and nobody else NATS', () => {
    const form = 'all-in-one'
    const [control, nats, agent, init] = ['control', 'nats', 'agent', 'init'].map((name) =>
      pod(form, `switchyard-${name}`),
    ) as [PodEnd, PodEnd, PodEnd, PodEnd]
    const { client, leaf, monitor } = nats.ports as Record<string, number>
    const needed: readonly [string, End, End, number][] = [
      ['agents → control', agent, control, control.ports.api!],
      ['agents → NATS', agent, nats, client!],
      ['control → NATS', control, nats, client!],
      ['operators → control', 'outside', control, control.ports.api!],
      ['Prometheus → control', prometheus, control, control.ports.api!],
      ['control → webhooks', control, 'outside', 443],
      ['the Job → the API server', init, 'outside', 6_443],
      ['leaves of other clusters → NATS', 'outside', nats, leaf!],
    ]
    for (const [name, from, to, port] of needed) {
      expect(allows(form, from, to, port), name).toBe(true)
    }
    const refused: readonly [string, End, End, number][] = [
      ['NATS → anybody', nats, 'outside', 443],
      ['NATS → control', nats, control, control.ports.api!],
      ['anybody outside → clients of NATS', 'outside', nats, client!],
      ['agents → the monitor of NATS', agent, nats, monitor!],
      ['the Job → NATS', init, nats, client!],
      ['control → the Job', control, init, 80],
      ['anybody → another port of control', 'outside', control, 1],
    ]
    for (const [name, from, to, port] of refused) {
      expect(allows(form, from, to, port), name).toBe(false)
    }
    for (const [name, end] of Object.entries(strangers)) {
      for (const port of [client!, monitor!]) {
        expect(allows(form, { ...end, ports: {} }, nats, port), `${name} to ${port}`).toBe(false)
      }
    }
  })

  test('agent-leaf: the leaf reaches its hub, agents reach the leaf, nobody else does', () => {
    const form = 'agent-leaf'
    const [nats, agent] = [pod(form, 'switchyard-nats'), pod(form, 'switchyard-agent')]
    const { client, leaf } = nats.ports as Record<string, number>
    expect(allows(form, nats, 'outside', 7_422), 'leaf → hub').toBe(true)
    expect(allows(form, agent, nats, client!), 'agents → leaf').toBe(true)
    expect(allows(form, 'outside', nats, leaf!), 'no leaves of its own').toBe(false)
    expect(allows(form, 'outside', nats, client!)).toBe(false)
    for (const [name, end] of Object.entries(strangers)) {
      expect(allows(form, { ...end, ports: {} }, nats, client!), name).toBe(false)
    }
  })

  test.each(['all-in-one', 'agent-only', 'agent-leaf'] as const)(
    '%s: agents lie on different nodes and zones where they can, and go one at a time',
    (form) => {
      const manifests = rendered.get(form)!
      const { labels, spec } = podsOf(manifests).find(({ name }) => name === 'switchyard-agent')!
      const budgets = manifests.filter(({ kind }) => kind === 'PodDisruptionBudget')
      expect(budgets.map(({ spec }) => spec)).toEqual([
        {
          maxUnavailable: 1,
          unhealthyPodEvictionPolicy: 'AlwaysAllow',
          selector: { matchLabels: labels },
        },
      ])
      const set = manifests.find(
        ({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'switchyard-agent',
      )!.spec as {
        replicas?: number
      }
      expect(set.replicas, 'one of them may go').toBeGreaterThan(1)
      expect((spec as { topologySpreadConstraints?: unknown }).topologySpreadConstraints).toEqual(
        ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
          maxSkew: 1,
          topologyKey,
          // A cluster of one node has them all the same.
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: labels },
        })),
      )
    },
  )
})
