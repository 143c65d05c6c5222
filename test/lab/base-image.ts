/**
 * The image that the product's Dockerfiles begin with, made here instead of pulled: Debian's packages, the Node
 * that the project runs on, and the npm of this machine, laid out as in the official image. Made once, and
 * again when one of them is another.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from '../../deploy/local/cached-program.ts'

const run = promisify(execFile)

export const baseImage = 'node:26-bookworm-slim'
const suite = 'bookworm'
/** Node is linked with the first two. */
const packages = ['libstdc++6', 'libatomic1', 'ca-certificates']
const makeWithinMs = 600_000

/** A tar file of the root file system, in the user's cache folder. */
export async function baseFileSystem(say: (line: string) => void = () => {}): Promise<string> {
  const npm = await npmFolder()
  const npmVersion = (JSON.parse(readFileSync(join(npm, 'package.json'), 'utf8')) as Versioned)
    .version
  const recipe = [
    suite,
    ...packages,
    process.version,
    npmVersion,
    process.arch,
    ...layout('node', 'npm'),
  ]
  const key = createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 16)
  const folder = join(cacheFolder(), 'images')
  const file = join(folder, `base-${key}.tar`)
  if (existsSync(file)) return file
  await mkdir(folder, { recursive: true })
  const work = await mkdtemp(join(folder, 'base-'))
  say(`making ${baseImage}, once: Debian ${suite}, Node ${process.version}, npm ${npmVersion}`)
  try {
    const args = ['--quiet', '--variant=minbase', `--include=${packages.join(',')}`]
    const made = join(work, 'base.tar')
    await run(
      'mmdebstrap',
      [...args, ...layout(realpathSync(process.execPath), npm), suite, made, ...aptSources()],
      {
        timeout: makeWithinMs,
        maxBuffer: 16 * 1024 * 1024,
      },
    )
    await rename(made, file)
  } catch (cause) {
    const said = String((cause as { stderr?: string }).stderr ?? cause).trim()
    throw new Error(`${baseImage} could not be made with mmdebstrap:\n${said}`, { cause })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return file
}

interface Versioned {
  readonly version: string
}

/** Where the official image has them, with its user `node`. */
function layout(node: string, npm: string): string[] {
  const modules = '/usr/local/lib/node_modules'
  const links = ['npm', 'npx'].map(
    (name) => `ln -s ../lib/node_modules/npm/bin/${name}-cli.js "$1/usr/local/bin/${name}"`,
  )
  return [
    `mkdir -p "$1${modules}"`,
    `cp --dereference '${node}' "$1/usr/local/bin/node"`,
    `cp --recursive '${npm}' "$1${modules}/npm"`,
    ...links,
    'chroot "$1" useradd --uid 1000 --user-group --create-home --shell /bin/bash node',
    'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/usr/share/doc "$1"/usr/share/man',
  ].map((command) => `--customize-hook=${command}`)
}

/** npm says where it is to the scripts that it runs; otherwise the one on the PATH. */
async function npmFolder(): Promise<string> {
  const fromScript = process.env.npm_execpath
  if (fromScript?.endsWith('npm-cli.js')) return resolve(realpathSync(fromScript), '../..')
  const { stdout } = await run('npm', ['root', '--global'], { timeout: 30_000 })
  return realpathSync(join(stdout.trim(), 'npm'))
}

/** The machine's own sources of packages, so that its mirror is used; without any, Debian's. */
function aptSources(): string[] {
  const folder = '/etc/apt/sources.list.d'
  const listed = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
  return ['/etc/apt/sources.list', ...listed].filter(
    (file) =>
      /\.(list|sources)$/.test(file) &&
      existsSync(file) &&
      /debian\.org|\bbookworm\b/.test(readFileSync(file, 'utf8')),
  )
}
