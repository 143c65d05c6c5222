/**
 * What holds for every manifest that a user can apply, seen without a cluster: pods that may nothing, selectors
 * that select, Secrets that are made, command lines that the programs take.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { agentCommand } from '../../agent/flags.ts'
import { podGraceMs } from '../../agent/supervisor.ts'
import { initCommand } from '../../deploy/init/main.ts'
import { secretPlans } from '../../deploy/init/secrets.ts'
import { whyNoLab } from '../lab/availability.ts'
import {
  containersOf,
  deploy,
  environmentOf,
  folders,
  type Manifest,
  manifestFiles,
  manifestsOf,
  podsOf,
  render,
  renderOverlay,
} from './rendered.ts'

const dockerfile = readFileSync(join(deploy, 'images/Dockerfile'), 'utf8')

describe.skipIf(whyNoLab({ nodes: false }))('the manifests', () => {
  const rendered = new Map<string, readonly Manifest[]>()
  const manifests = (folder: string) => rendered.get(folder)!
  const pods = (folder: string) => podsOf(manifests(folder))

  beforeAll(async () => {
    for (const folder of folders) rendered.set(folder, manifestsOf(await render(folder)))
  }, 300_000)

  test('there are the ones that the pages name', () => {
    for (const folder of [
      ...['all-in-one', 'agent-only', 'agent-leaf', 'agent-daemonset', 'namespace', 'shop'],
    ]) {
      expect(folders).toContain(folder)
    }
  })

  test('none lies there that no folder applies, and the API server is not asked about', () => {
    const applied = new Set(folders.flatMap((folder) => manifests(folder).map(identityOf)))
    const forgotten = manifestFiles.filter((one) => !applied.has(identityOf(one)))
    expect(forgotten.map(({ file }) => file)).toEqual([])
    expect(manifestFiles.length).toBeGreaterThan(20)
  })

  test.each(folders)(
    '%s: pods run without root, rights, a writable image or foreign names',
    (folder) => {
      for (const { kind, name, spec: pod } of pods(folder)) {
        expect(pod.securityContext, name).toMatchObject({
          runAsNonRoot: true,
          seccompProfile: { type: 'RuntimeDefault' },
        })
        expect(pod.enableServiceLinks, name).toBe(false)
        const callsKubernetes = ['switchyard-agent', 'switchyard-init'].includes(name)
        expect(pod.automountServiceAccountToken, name).toBe(callsKubernetes ? undefined : false)
        for (const { name: container, image, securityContext, resources, ports } of containersOf(
          pod,
        )) {
          expect(securityContext, `${name}/${container}`).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          })
          expect(resources, `${name}/${container}`).toEqual({
            requests: { cpu: expect.any(String), memory: expect.any(String) },
            limits: { memory: expect.any(String) },
          })
          expect(image, `${name}/${container}`).toMatch(/^[a-z-]+:\d+\.\d+\.\d+$/)
          const hostPorts = ports?.some(({ hostPort }) => hostPort !== undefined) ?? false
          expect(hostPorts, `${name}/${container}`).toBe(kind === 'DaemonSet')
        }
      }
    },
  )

  test.each(folders)('%s: each image of ours is a target of the Dockerfile', (folder) => {
    const images = pods(folder).flatMap(({ spec }) => containersOf(spec).map(({ image }) => image))
    for (const image of images.filter((name) => name.startsWith('switchyard-'))) {
      const target = image.slice('switchyard-'.length).split(':')[0]
      expect(dockerfile).toContain(` AS ${target}\n`)
    }
  })

  test.each(folders)('%s: mounts have a volume, volumes a mount', (folder) => {
    for (const { name, spec: pod } of pods(folder)) {
      const set = manifests(folder).find(
        ({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === name,
      )
      const claimed = (set?.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name)
      const volumes = [...(pod.volumes ?? []).map((volume) => volume.name), ...claimed]
      const mounted = containersOf(pod).flatMap(({ volumeMounts = [] }) =>
        volumeMounts.map((mount) => mount.name),
      )
      expect(new Set(mounted), name).toEqual(new Set(volumes))
    }
  })

  test.each(folders)('%s: probes and Services lead to ports that there are', (folder) => {
    for (const { kind, name, spec: pod } of pods(folder)) {
      if (folder === 'shop' || kind === 'Job') continue
      for (const container of pod.containers) {
        const ports = container.ports!.map((port) => port.name)
        for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
          expect(ports, `${name} ${probe}`).toContain(container[probe]!.httpGet.port)
        }
      }
    }
    for (const { metadata, spec } of manifests(folder).filter(({ kind }) => kind === 'Service')) {
      const chosen = pods(folder).filter(({ labels }) => holds(labels, spec!.selector!))
      expect(chosen.length, metadata.name).toBe(1)
      const ports = chosen[0]!.spec.containers.flatMap((container) => container.ports ?? [])
      for (const { targetPort } of spec!.ports!) {
        expect(ports.map((port) => port.name)).toContain(targetPort)
      }
    }
  })

  test.each(folders)('%s: every pod of Switchyard has a NetworkPolicy of its own', (folder) => {
    const policies = manifests(folder).filter(({ kind }) => kind === 'NetworkPolicy')
    const own = pods(folder).filter(({ name }) => name.startsWith('switchyard-'))
    for (const { name, labels } of own) {
      const chosen = policies.filter(({ spec }) => {
        const wanted = spec!.podSelector!.matchLabels
        return wanted && holds(labels, wanted)
      })
      expect(chosen.map(({ metadata }) => metadata.name)).toEqual([name])
    }
    const selected = policies.filter(({ spec }) => spec!.podSelector!.matchLabels)
    expect(selected.length).toBe(own.length)
  })

  test('all-in-one: the Secrets that pods need are the ones that the init Job makes, key by key', async () => {
    const clusters = agentEnvironment('all-in-one').SWITCHYARD_CLUSTER!
    const made = new Map<string, readonly string[]>()
    for (const { name, complete } of secretPlans([clusters])) {
      made.set(name, Object.keys(await complete({})))
    }
    const used = new Map<string, Set<string>>()
    const use = (name: string, ...keys: readonly string[]) =>
      used.set(name, new Set([...(used.get(name) ?? []), ...keys]))
    for (const { spec: pod } of pods('all-in-one')) {
      for (const { secret } of pod.volumes ?? []) {
        if (secret) {
          use(
            secret.secretName,
            ...(secret.items?.map(({ key }) => key) ?? made.get(secret.secretName)!),
          )
        }
      }
      for (const { env = [] } of containersOf(pod)) {
        for (const { valueFrom } of env) {
          if (valueFrom?.secretKeyRef) use(valueFrom.secretKeyRef.name, valueFrom.secretKeyRef.key)
        }
      }
    }
    const sorted = (sets: Iterable<readonly [string, Iterable<string>]>) =>
      Object.fromEntries([...sets].map(([name, keys]) => [name, [...keys].sort()]))
    expect(sorted(used)).toEqual(sorted(made))
  })

  test('the init Job may read and complete exactly the Secrets that it makes', () => {
    const role = manifests('init').find(({ kind }) => kind === 'Role')!
    expect(role.rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: secretPlans([]).map(({ name }) => name),
        verbs: ['get', 'update'],
      },
    ])
  })

  test.each(['agent', 'agent-daemonset', 'agent-only', 'agent-leaf', 'all-in-one'])(
    '%s: the agent takes its environment',
    async (folder) => {
      const found: string[] = []
      const configs: unknown[] = []
      await withEnvironment(
        { ...imageEnvironment('agent'), ...agentEnvironment(folder, found) },
        () => agentCommand((config) => configs.push(config)).parseAsync([], { from: 'user' }),
      )
      const cluster = ['agent-only', 'agent-leaf'].includes(folder) ? 'us-1' : 'eu-1'
      expect(found).toEqual([`switchyard-enrol/${cluster}`])
      expect(configs).toMatchObject([
        {
          cluster,
          name: folder === 'agent-daemonset' ? 'spec-nodename' : 'metadata-name',
          control: { enrolmentToken: 'swy_enrol_1' },
          platform: { type: 'kubernetes', kubeconfig: null },
          listen: { host: '0.0.0.0', port: 8080 },
          probe: { host: '0.0.0.0', port: 8081 },
          workers: 2,
          logFormat: 'json',
          stateFolder: '/var/lib/switchyard/agent',
        },
      ])
    },
  )

  test.each(['agent-only', 'agent-leaf'])(
    '%s: the overlay of docs/install.md gives agents the token of the cluster that it names',
    async (folder) => {
      const page = readFileSync(join(deploy, '../docs/install.md'), 'utf8')
      const [, overlay] = /```yaml\n(resources: \S*agent-only[^`]*)```/.exec(page)!
      const asked: string[] = []
      const text = await renderOverlay(
        overlay!
          .replace('deploy/agent-only', `deploy/${folder}`)
          .replace('SWITCHYARD_CLUSTER=us-1', 'SWITCHYARD_CLUSTER=ap-1'),
      )
      rendered.set('an overlay', manifestsOf(text))
      const { SWITCHYARD_CLUSTER, SWITCHYARD_ENROL } = agentEnvironment('an overlay', asked)
      expect(asked).toEqual(['switchyard-enrol/ap-1'])
      expect(SWITCHYARD_CLUSTER).toBe('ap-1')
      expect(SWITCHYARD_ENROL).toBe('https://control.example/#swy_enrol_1')
    },
  )

  test.each(['eu-1', 'fra-1'])(
    'all-in-one of %s: the init Job makes what the agents of the cluster need',
    async (name) => {
      const page = readFileSync(join(deploy, '../docs/install.md'), 'utf8')
      const [, overlay] = /```yaml\n([^`]*SWITCHYARD_CLUSTER=fra-1[^`]*)```/.exec(page)!
      const renamed = overlay!.replace('fra-1', name)
      rendered.set('named', manifestsOf(await renderOverlay(renamed)))
      if (name === 'eu-1') expect(manifests('named')).toEqual(manifests('all-in-one'))
      const job = pods('named').find(({ kind }) => kind === 'Job')!
      const environment = environmentOf(job.spec.containers[0]!, manifests('named'), () => '')
      const made: unknown[] = []
      await withEnvironment(environment, () =>
        initCommand(async (flags) => void made.push(flags)).parseAsync([], { from: 'user' }),
      )
      expect(made).toMatchObject([{ cluster: name, clusters: [name] }])
      const asked: string[] = []
      expect(agentEnvironment('named', asked).SWITCHYARD_CLUSTER).toBe(name)
      expect(asked).toEqual([`switchyard-enrol/${name}`])
    },
  )

  test('an agent gets the time that its drain may take, after balancers had theirs', () => {
    for (const folder of ['agent', 'agent-daemonset', 'agent-only', 'all-in-one']) {
      const { spec: pod } = pods(folder).find(({ name }) => name === 'switchyard-agent')!
      const lookAwayMs = pod.containers[0]!.lifecycle!.preStop.sleep.seconds * 1_000
      const graceMs = pod.terminationGracePeriodSeconds! * 1_000
      expect(graceMs).toBeGreaterThan(lookAwayMs + podGraceMs)
    }
  })

  /** `asked` hears which Secrets it needs. */
  function agentEnvironment(folder: string, asked: string[] = []): Record<string, string> {
    const { spec } = pods(folder).find(({ name }) => name === 'switchyard-agent')!
    return environmentOf(spec.containers[0]!, manifests(folder), (name, key) => {
      asked.push(`${name}/${key}`)
      return 'swy_enrol_1'
    })
  }
})

/** What `ENV` says in a stage of the Dockerfile. */
function imageEnvironment(stage: string): Record<string, string> {
  const text = dockerfile.split(` AS ${stage}\n`)[1]!.split('\nFROM ')[0]!
  return Object.fromEntries(
    [...text.matchAll(/(SWITCHYARD_\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]),
  )
}

async function withEnvironment(
  environment: Readonly<Record<string, string>>,
  work: () => Promise<unknown>,
): Promise<void> {
  const before = { ...process.env }
  try {
    for (const name of Object.keys(process.env)) {
      if (name.startsWith('SWITCHYARD_')) delete process.env[name]
    }
    Object.assign(process.env, environment)
    await work()
  } finally {
    process.env = before
  }
}

const holds = (labels: Readonly<Record<string, string>>, wanted: object): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value)

const identityOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`
