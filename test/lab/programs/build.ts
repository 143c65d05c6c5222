/**
 * Builds the programs of a lab once and keeps them in the user's cache folder, each under the hash of what it
 * is made of: `go.mod`, `go.sum` and our own sources. A program is found whole or not at all, and two builds
 * at the same time wait for each other instead of compiling everything twice.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from '../../../deploy/local/cached-program.ts'
import { type ProgramName, type ProgramSource, sourceOf } from './catalogue.ts'

const run = promisify(execFile)

/** A kubelet takes three minutes on two idle cores, and the cores may be busy. */
const buildWithinMs = 45 * 60_000
const tickMs = 15_000

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
  if (missing.length > 0) await needGo()
  for (const [n, place] of missing.entries()) {
    const which = `${place.source.name} (${n + 1} of ${missing.length})`
    const started = performance.now()
    const seconds = () => `${Math.round((performance.now() - started) / 1_000)} s`
    say(`building ${which}, once: ${place.source.package}`)
    const ticking = setInterval(() => say(`building ${which}: ${seconds()}`), tickMs)
    try {
      await build(place, signal)
      say(`built ${which} in ${seconds()}`)
    } finally {
      clearInterval(ticking)
    }
  }
  return Object.fromEntries(
    places.flatMap(({ source, folder }) =>
      [source.name, ...(source.alsoCalled ?? [])].map((name) => [name, join(folder, name)]),
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

function placeOf(source: ProgramSource): Place {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(source.module, file)))
  if (source.package.startsWith('.')) {
    const own = join(source.module, source.package)
    for (const file of readdirSync(own).sort()) {
      if (file.endsWith('.go')) hash.update(readFileSync(join(own, file)))
    }
  }
  hash.update(source.linkerFlags)
  const key = hash.digest('hex').slice(0, 16)
  const folder = join(cacheFolder(), 'kubernetes', `${source.name}-${key}`)
  return { source, folder, path: join(folder, source.name) }
}

/** Builds beside the target and renames, under a lock that the kernel drops when its holder dies. */
async function build({ source, folder, path }: Place, signal?: AbortSignal): Promise<void> {
  const cache = join(cacheFolder(), 'kubernetes')
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'building-'))
  try {
    const go = ['go', 'build', '-trimpath', '-ldflags', source.linkerFlags]
    const command = [...go, '-o', join(work, source.name), source.package]
    await run('flock', ['--no-fork', join(cache, 'lock'), ...command], {
      cwd: source.module,
      env: { ...process.env, CGO_ENABLED: '0' },
      timeout: buildWithinMs,
      maxBuffer: 16 * 1024 * 1024,
      ...(signal && { signal }),
    })
    for (const name of source.alsoCalled ?? []) await symlink(source.name, join(work, name))
    await rename(work, folder)
  } catch (cause) {
    if (existsSync(path)) return
    signal?.throwIfAborted()
    const said = String((cause as { stderr?: string }).stderr ?? cause).trim()
    throw new BuildFailed(
      `${source.name} could not be built from ${source.package} in ${source.module}:\n${said}`,
      { cause },
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
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
