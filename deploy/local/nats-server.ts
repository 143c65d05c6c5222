/**
 * Where the `nats-server` program comes from: the PATH when it is new enough for batched direct gets,
 * else built once from its Go module, whose content Go's checksum database pins, and kept in the cache
 * folder of the user.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from './cached-program.ts'

const run = promisify(execFile)

const built = 'v2.15.2'
const module = `github.com/nats-io/nats-server/v2@${built}`
/** Batched direct get with `multi_last` (NATS ADR-31). */
const needed = [2, 11] as const
const buildWithinMs = 600_000

/** Path of a server that is new enough. Throws a sentence for people when there is none. */
export async function findNatsServer(
  say: (line: string) => void = () => {},
  signal?: AbortSignal,
): Promise<string> {
  const installed = await versionOf('nats-server')
  if (installed && isEnough(installed)) return 'nats-server'
  const cached = join(cacheFolder(), `nats-server-${built}`)
  if (existsSync(cached)) return cached
  say(`NATS: building ${module} (once, about a minute)`)
  await build(cached, installed, signal)
  return cached
}

/** Builds beside the target and renames, so that a half-built program is never found. */
async function build(
  target: string,
  installed: string | null,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true })
  const folder = await mkdtemp(join(cacheFolder(), 'building-'))
  try {
    await run('go', ['install', module], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
      timeout: buildWithinMs,
      ...(signal && { signal }),
    })
    await rename(join(folder, 'nats-server'), target)
  } catch (cause) {
    const found = installed ? `the one on the PATH is ${installed}` : 'none is on the PATH'
    throw new Error(
      `NATS needs nats-server ${needed.join('.')} or newer (${found}), and building it with Go failed. ` +
        'Install nats-server (https://nats.io/download) or Go (https://go.dev/dl) and start again.',
      { cause },
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function versionOf(program: string): Promise<string | null> {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: 5_000 })
    return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null
  } catch {
    return null
  }
}

function isEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > needed[0] || (major === needed[0] && minor >= needed[1])
}
