/**
 * Images without a registry: the Dockerfiles that users build, built for real with buildah on a base image that
 * is made here, and handed over as OCI archives. What is built before is kept in the user's cache folder; the
 * machine's own images are not touched.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../../deploy/local/cached-program.ts'
import { baseFileSystem, baseImage } from './base-image.ts'
import { outputOf } from './command.ts'
import { fullName } from './oci-archive.ts'
import { imageNeeds, prepareMachine } from './prerequisites.ts'

export interface ImagePlan {
  readonly dockerfile: string
  readonly context: string
  /** `switchyard-agent:0.1.0`: what pods call it. */
  readonly name: string
  /** A stage of the Dockerfile; the last one otherwise. */
  readonly target?: string
  readonly buildArguments?: Readonly<Record<string, string>>
  readonly say?: (line: string) => void
}

const buildWithinMs = 900_000
/** The authorities that the machine trusts: a build may have to go through its proxy. */
const authorities = '/etc/ssl/certs/ca-certificates.crt'

/** Path of the OCI archive, for `loadImage`. It is replaced by the next build of the same name. */
export async function buildImage(plan: ImagePlan): Promise<string> {
  const say = plan.say ?? (() => {})
  await prepareMachine(imageNeeds, say)
  const fileSystem = await baseFileSystem(say)
  const folder = join(cacheFolder(), 'images')
  await mkdir(folder, { recursive: true })
  const work = await mkdtemp(join(tmpdir(), 'swy-image-'))
  const archive = join(folder, `${plan.name.replaceAll(/[^a-z0-9.-]+/gi, '-')}.tar`)
  say(`building ${plan.name} from ${plan.dockerfile}`)
  try {
    const policy = join(work, 'policy.json')
    writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
    const npmrc = join(work, 'npmrc')
    writeFileSync(npmrc, npmSettings(), { mode: 0o600 })
    const made = join(work, 'image.tar')
    const script = [
      ...baseCommands(fileSystem, folder),
      `buildah bud ${quoted(buildArguments(plan, npmrc, policy))}`,
      `buildah push ${quoted(['--quiet', '--signature-policy', policy, plan.name, `oci-archive:${made}:${fullName(plan.name)}`])}`,
      `mv ${quoted([made, archive])}`,
    ].join('\n')
    // One at a time, and mounts of its own: a build that is killed leaves none behind.
    const lock = ['--no-fork', join(folder, 'lock')]
    const child = spawn('flock', [...lock, 'unshare', '--mount', 'sh', '-e', '-c', script], {
      env: {
        ...process.env,
        BUILDAH_ISOLATION: 'chroot',
        STORAGE_DRIVER: 'overlay',
        CONTAINERS_STORAGE_CONF: storageSettings(work, folder),
      },
    })
    await outputOf(child, `building ${plan.name}`, { withinMs: buildWithinMs })
    return archive
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function buildArguments(plan: ImagePlan, npmrc: string, policy: string): string[] {
  const { target, buildArguments: given = {} } = plan
  return [
    // What happens at the machine's own network and not in a bridge of buildah's.
    ...['--pull-never', '--network', 'host', '--layers', '--signature-policy', policy],
    ...['--secret', `id=npmrc,src=${npmrc}`],
    ...(existsSync(authorities) ? ['--volume', `${authorities}:${authorities}:ro`] : []),
    ...(target ? ['--target', target] : []),
    ...Object.entries(given).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
    ...['--file', plan.dockerfile, '--tag', plan.name, plan.context],
  ]
}

/** The base image under the name that Dockerfiles use, once for each file system. */
function baseCommands(fileSystem: string, folder: string): string[] {
  const marker = join(folder, 'base-imported')
  const add = [
    'base=$(buildah from scratch)',
    `buildah add --quiet "$base" ${quoted([fileSystem])} / > /dev/null`,
    `buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd node "$base"`,
    `buildah commit --quiet --rm "$base" docker.io/library/${baseImage} > /dev/null`,
    `echo ${quoted([fileSystem])} > ${quoted([marker])}`,
  ]
  const known = `[ "$(cat ${quoted([marker])} 2> /dev/null)" = ${quoted([fileSystem])} ]`
  return [`if ! ${known}; then`, ...add, 'fi']
}

/** Layers that stay, and a record of mounts that ends with the build. */
function storageSettings(work: string, folder: string): string {
  const file = join(work, 'storage.conf')
  const [root, running] = [join(folder, 'storage'), join(work, 'running')]
  writeFileSync(
    file,
    `[storage]\ndriver = "overlay"\ngraphroot = "${root}"\nrunroot = "${running}"\n`,
  )
  return file
}

/** The user's own settings of npm, for a Dockerfile that mounts the secret `npmrc`. */
function npmSettings(): string {
  const own = join(homedir(), '.npmrc')
  const settings = existsSync(own) ? readFileSync(own, 'utf8') : ''
  const trusted = existsSync(authorities) ? `cafile=${authorities}\n` : ''
  return `${settings}\n${trusted}`
}

const quoted = (words: readonly string[]): string =>
  words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
