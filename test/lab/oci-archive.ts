/**
 * An image of one static program, written as an OCI archive without any tool: one layer, one configuration, one
 * manifest, in a tar file. The same program makes the same bytes.
 * https://github.com/opencontainers/image-spec
 */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { type TarEntry, tarOf } from './tar.ts'

export interface ProgramImage {
  /** `lab/demo:1`: what pods call it. */
  readonly reference: string
  readonly program: string
  /** Path in the image. */
  readonly at: string
  readonly user?: string
  /** What its process finds unless the pod says otherwise. */
  readonly env?: Readonly<Record<string, string>>
}

const types = {
  layer: 'application/vnd.oci.image.layer.v1.tar',
  config: 'application/vnd.oci.image.config.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
}
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

export async function writeProgramImage(image: ProgramImage, archive: string): Promise<void> {
  const layer = tarOf([{ path: image.at, mode: 0o755, content: await readFile(image.program) }])
  const config = json({
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    config: {
      Entrypoint: [`/${image.at}`],
      User: image.user ?? '65532:65532',
      ...(image.env && { Env: Object.entries(image.env).map(([key, value]) => `${key}=${value}`) }),
    },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(types.config, config),
    layers: [descriptor(types.layer, layer)],
  })
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        ...descriptor(types.manifest, manifest),
        annotations: {
          'io.containerd.image.name': fullName(image.reference),
          'org.opencontainers.image.ref.name': image.reference.split(':')[1],
        },
      },
    ],
  })
  const entries: TarEntry[] = [
    { path: 'oci-layout', mode: 0o644, content: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', mode: 0o644, content: index },
    ...[layer, config, manifest].map((content) => ({
      path: `blobs/${digestOf(content).replace(':', '/')}`,
      mode: 0o644,
      content,
    })),
  ]
  await writeFile(archive, tarOf(entries))
}

/** What a kubelet makes of a short name. */
export function fullName(reference: string): string {
  const parts = reference.split('/')
  if (parts.length === 1) return `docker.io/library/${reference}`
  return /[.:]|^localhost$/.test(parts[0]!) ? reference : `docker.io/${reference}`
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const digestOf = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`
const descriptor = (mediaType: string, content: Buffer) => ({
  mediaType,
  digest: digestOf(content),
  size: content.length,
})
