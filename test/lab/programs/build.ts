/**
 * Builds the programs of a lab once and keeps them in the user's cache folder, each under the hash of what it
 * is made of: `go.mod`, `go.sum`, the flags and our own sources. What is missing is built by one command, so that
 * nothing is compiled twice and linking one program fills the pauses of another. A program is found whole or not at
 * all, and two builds at the same time wait for each other.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from '../../../deploy/local/cached-program.ts'
import {
  buildFlags,
  goModule,
  type ProgramName,
  type ProgramSource,
  sourceOf,
} from './catalogue.ts'

const run = promisify(execFile)

/** All of them take a quarter of an hour on two idle cores, and the cores may be busy. */
const buildWithinMs = 60 * 60_000
const tickMs = 15_000
/** A compiler lives for a second: collecting its garbage was a fifth of the time. A linker lives for longer. */
const rarelyCollected = { GOGC: '400', GOMEMLIMIT: '2GiB' }

/** Path of each program by name, and of every further name that one has. */
export type Programs = Readonly<Record<string, string>>

export class BuildFailed extends Error {
  override readonly name = 'BuildFailed'
}

/** Throws a sentence for people when one cannot be built. */
export async function findPrograms(
  names: readonly ProgramName[],
  say: (line: string) => void = () => {},
  signal?: AbortSignal,
): Promise<Programs> {
  const places = names.map((name) => placeOf(sourceOf(name)))
  const missing = places.filter(({ path }) => !existsSync(path))
  if (missing.length > 0) await build(missing, say, signal)
  return Object.fromEntries(
    places.flatMap(({ source, folder }) =>
      [source.name, ...source.alsoCalled].map((name) => [name, join(folder, name)]),
    ),
  )
}

export const areBuilt = (names: readonly ProgramName[]): boolean =>
  names.every((name) => existsSync(placeOf(sourceOf(name)).path))

interface Place {
  readonly source: ProgramSource
  readonly folder: string
  readonly path: string
}

const programsFolder = () => join(cacheFolder(), 'kubernetes')

function placeOf(source: ProgramSource): Place {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(goModule, file)))
  if (source.package.startsWith('.')) {
    const own = join(goModule, source.package)
    for (const file of readdirSync(own).sort()) {
      if (file.endsWith('.go')) hash.update(readFileSync(join(own, file)))
    }
  }
  hash.update(buildFlags.join(' '))
  const key = hash.digest('hex').slice(0, 16)
  const folder = join(programsFolder(), `${source.name}-${key}`)
  return { source, folder, path: join(folder, source.name) }
}

/** Builds beside the targets and renames, under a lock that the kernel drops when its holder dies. */
async function build(
  places: readonly Place[],
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  await needGo()
  const started = performance.now()
  let packages = 0
  const soFar = () =>
    `${packages} packages compiled, ${Math.round((performance.now() - started) / 1_000)} s`
  const names = places.map(({ source }) => source.name).join(', ')
  say(`building from source, once: ${names}`)
  await mkdir(programsFolder(), { recursive: true })
  const work = await mkdtemp(join(programsFolder(), 'building-'))
  const ticking = setInterval(() => say(`building: ${soFar()}`), tickMs)
  try {
    const sources = places.map(({ source }) => source.package)
    // A folder's name ends with a slash, or a single program would be a file of that name.
    const go = ['go', 'build', '-v', ...buildFlags, '-o', `${work}/`, ...sources]
    const building = run('flock', ['--no-fork', join(programsFolder(), 'lock'), ...go], {
      cwd: goModule,
      env: { ...process.env, CGO_ENABLED: '0', ...rarelyCollected },
      timeout: buildWithinMs,
      maxBuffer: 16 * 1024 * 1024,
      ...(signal && { signal }),
    })
    building.child.stderr?.on('data', (text) => {
      packages += String(text).split('\n').length - 1
    })
    await building
    for (const place of places) await keep(place, work)
    say(`built: ${soFar()}`)
  } catch (cause) {
    signal?.throwIfAborted()
    throw new BuildFailed(`${names} could not be built in ${goModule}:\n${complaint(cause)}`, {
      cause,
    })
  } finally {
    clearInterval(ticking)
    await rm(work, { recursive: true, force: true })
  }
}

async function keep({ source, folder, path }: Place, work: string): Promise<void> {
  const whole = await mkdtemp(join(work, 'whole-'))
  await rename(join(work, source.builtAs), join(whole, source.name))
  for (const name of source.alsoCalled) await symlink(source.name, join(whole, name))
  try {
    await rename(whole, folder)
  } catch (error) {
    // Who held the lock before us built the same.
    if (!existsSync(path)) throw error
  }
}

/** What Go said, without the packages that it compiled: those are names without a space. */
function complaint(cause: unknown): string {
  const said = String((cause as { stderr?: string }).stderr ?? cause).split('\n')
  return said
    .filter((line) => line.includes(' '))
    .join('\n')
    .trim()
}

async function needGo(): Promise<void> {
  try {
    await run('go', ['version'], { timeout: 30_000 })
  } catch (cause) {
    throw new BuildFailed(
      'The lab builds Kubernetes from source and found no Go: install Go 1.26 or newer ' +
        '(https://go.dev/dl) and put it on the PATH.',
      { cause },
    )
  }
}
