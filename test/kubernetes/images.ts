/**
 * The images that the story needs, by the names that pods use. In a lab they are made here; a cluster that
 * `KUBECONFIG` names has them already, or pulls them from the registry that SWITCHYARD_TEST_REGISTRY names.
 */
import { join, resolve } from 'node:path'
import { findNatsServer } from '../../deploy/local/nats-server.ts'
import { loadDemoImage } from '../lab/demo-image.ts'
import { buildImage } from '../lab/images.ts'
import { writeProgramImage } from '../lab/oci-archive.ts'
import type { Cluster } from '../lab/start-cluster.ts'

const { SWITCHYARD_TEST_REGISTRY: from } = process.env
/** Ends with a slash, or is empty. */
const registry = from ? `${from.replace(/\/+$/, '')}/` : ''

export const product = ['switchyard-control', 'switchyard-agent'] as const
const productVersion = '0.1.0'
const nats = 'nats:2.15.2'
export const newNameOf = (image: string): string => `${registry}${image}`
/** Sends load from inside a cluster that is no lab. */
export const loadImage = `${registry}switchyard-load:${productVersion}`

/** What the demo application's pods are made of: the version that answers is that of the image. */
export const imageOf = (version: string): string => `${registry}switchyard-shop:${version}`
/** Its pods are never ready. */
export const brokenVersion = '3-broken'
/** Its pods end as soon as they start. */
export const crashingVersion = '4-crashing'
export const shopVersions = ['1', '2', '3', brokenVersion, crashingVersion] as const
const misbehaves: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [brokenVersion]: { READY: 'never' },
  [crashingVersion]: { CRASH: 'start' },
}
/** Nobody listens there, so that a pull fails at once. */
export const missingImage = '127.0.0.1:9/shop:missing'

const source = resolve(import.meta.dirname, '../..')

/** OCI archives of control and agent, as users build them. */
export async function buildProduct(say: (line: string) => void): Promise<readonly string[]> {
  const archives: string[] = []
  for (const name of product) archives.push(await buildTarget(name, say))
  return archives
}

export const buildTarget = (name: string, say?: (line: string) => void): Promise<string> =>
  buildImage({
    dockerfile: join(source, 'deploy/images/Dockerfile'),
    context: source,
    name: `${name}:${productVersion}`,
    target: name.slice('switchyard-'.length),
    ...(say && { say }),
  })

/**
 * The lab's own application stands in for `deploy/local/shop.ts`: it answers and misbehaves the same, and its pods
 * start in no time.
 */
export async function loadShop(lab: Cluster): Promise<void> {
  for (const version of shopVersions) {
    await loadDemoImage(lab, imageOf(version), { VERSION: version, ...misbehaves[version] })
  }
}

export async function loadNats(lab: Cluster): Promise<void> {
  const archive = join(lab.folder, 'nats.tar')
  await writeProgramImage(
    { reference: nats, program: await findNatsServer(), at: 'nats-server' },
    archive,
  )
  await lab.loadImage(archive)
}
