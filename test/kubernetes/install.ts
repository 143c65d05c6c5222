/**
 * Installs Switchyard as `docs/install.md` says, with an overlay of `deploy/all-in-one` in the first cluster and of
 * `deploy/agent-only` in the second, whose agents follow control over HTTP, at a port of the first one's node.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { deploy } from '../install/rendered.ts'
import { newNameOf, product } from './images.ts'
import type { Place } from './place.ts'
import { namespace, systemNamespace } from './story-stage.ts'

export const clusterNames = ['eu-1', 'us-1'] as const
const [, otherName] = clusterNames

const readyWithin = '--timeout=180s'
/** All of a fleet's processes share the cores of one machine. */
const workers = 'SWITCHYARD_WORKERS=1'

/** Gives the folder of the overlay, to remove with what it made. */
export async function installHome(place: Place, folder: string, clusters: number): Promise<string> {
  const names = clusterNames.slice(0, clusters).join(',')
  const overlay = await writeOverlay(
    folder,
    'all-in-one',
    {
      'switchyard-fleet': [`SWITCHYARD_CLUSTERS=${names}`],
      'switchyard-agent': [workers],
    },
    [reachable],
  )
  await place.kubectl(['apply', '-k', overlay])
  await untilInstalled(place)
  return overlay
}

export async function installOther(place: Place, folder: string, home: Place): Promise<string> {
  const token = await secretOf(home, 'switchyard-enrol', otherName)
  const control = await nodePort(home)
  await place.kubectl(['create', 'namespace', systemNamespace])
  const secret = ['create', 'secret', 'generic', 'switchyard-enrol', '-n', systemNamespace]
  await place.kubectl([...secret, `--from-literal=${otherName}=${token}`])
  const overlay = await writeOverlay(folder, 'agent-only', {
    'switchyard-agent': [
      workers,
      `SWITCHYARD_CLUSTER=${otherName}`,
      `CONTROL_URL=http://${control}`,
    ],
  })
  await place.kubectl(['apply', '-k', overlay])
  await untilInstalled(place)
  return overlay
}

export async function secretOf(place: Place, name: string, key: string): Promise<string> {
  const path = `jsonpath={.data.${key}}`
  const text = await place.kubectl(['get', 'secret', name, '-n', systemNamespace, '-o', path])
  return Buffer.from(text, 'base64').toString()
}

/** A namespace that agents may run releases in. */
export async function optIn(place: Place): Promise<void> {
  await place.kubectl(['create', 'namespace', namespace])
  await place.kubectl(['apply', '-n', namespace, '-k', join(deploy, 'namespace')])
  await place.kubectl(['label', 'namespace', namespace, 'switchyard.dev/managed=true'])
}

export async function untilInstalled(place: Place): Promise<void> {
  const agents = ['statefulset/switchyard-agent', '-n', systemNamespace]
  await place.kubectl(['rollout', 'status', ...agents, readyWithin])
}

/** Control for agents of another cluster. */
const reachable = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'switchyard-control-outside' },
  spec: {
    type: 'NodePort',
    selector: {
      'app.kubernetes.io/name': 'switchyard',
      'app.kubernetes.io/component': 'control',
    },
    ports: [{ name: 'api', port: 7_700, targetPort: 'api' }],
  },
}

async function nodePort(home: Place): Promise<string> {
  const path = 'jsonpath={.spec.ports[0].nodePort}'
  const service = ['get', 'service', reachable.metadata.name, '-n', systemNamespace, '-o', path]
  const address = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}'
  const node = await home.kubectl(['get', 'nodes', '-o', `jsonpath=${address}`])
  return `${node.split(' ')[0]}:${await home.kubectl(service)}`
}

async function writeOverlay(
  folder: string,
  base: string,
  settings: Readonly<Record<string, readonly string[]>>,
  objects: readonly object[] = [],
): Promise<string> {
  const overlay = join(folder, base)
  await mkdir(overlay, { recursive: true })
  const json = (value: unknown) => JSON.stringify(value, null, 2)
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  if (objects.length > 0) await writeFile(join(overlay, 'more.yaml'), json(list))
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace: systemNamespace,
    resources: [
      relative(overlay, join(deploy, base)),
      ...(objects.length > 0 ? ['more.yaml'] : []),
    ],
    images: product.map((name) => ({ name, newName: newNameOf(name) })),
    configMapGenerator: Object.entries(settings).map(([name, literals]) => ({
      ...{ name, behavior: 'merge', literals },
    })),
  }
  await writeFile(join(overlay, 'kustomization.yaml'), json(kustomization))
  return overlay
}
