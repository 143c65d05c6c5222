/**
 * Where the `prometheus` and `promtool` programs come from: the PATH when they are new enough, else Debian's
 * package, unpacked without root into the user's cache folder, else built from the Go module.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from '../local/cached-program.ts'

const run = promisify(execFile)

export interface PrometheusPrograms {
  readonly prometheus: string
  readonly promtool: string
}

/** The rules are written for this version and later ones. */
const needed = [2, 42] as const
const built = { module: 'v0.316.0', version: '3.16.0' }
const fetchWithinMs = 120_000
const buildWithinMs = 900_000

/** Throws a sentence for people when there is none and none can be got. */
export async function findPrometheus(
  say: (line: string) => void = () => {},
): Promise<PrometheusPrograms> {
  const installed = { prometheus: 'prometheus', promtool: 'promtool' }
  if (await isEnough(installed)) return installed
  const folder = join(cacheFolder(), 'prometheus')
  const cached = { prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') }
  if (existsSync(cached.promtool) && (await isEnough(cached))) return cached
  await mkdir(cacheFolder(), { recursive: true })
  const reasons: string[] = []
  for (const get of [fromDebian, fromGo]) {
    const work = await mkdtemp(join(cacheFolder(), 'prometheus-'))
    try {
      await rm(folder, { recursive: true, force: true })
      await rename(await get(work, say), folder)
      if (await isEnough(cached)) return cached
      reasons.push(`${get.name}: older than ${needed.join('.')}`)
    } catch (error) {
      reasons.push(`${get.name}: ${(error as Error).message.split('\n')[0]}`)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
  throw new Error(
    `Prometheus ${needed.join('.')} or newer is needed and could not be got (${reasons.join('; ')}). ` +
      'Install it (https://prometheus.io/download, or apt-get install prometheus) and try again.',
  )
}

/** Resolves with the folder that holds both programs. */
async function fromDebian(work: string, say: (line: string) => void): Promise<string> {
  say('Prometheus: fetching the Debian package (once)')
  const options = { cwd: work, timeout: fetchWithinMs }
  await run('apt-get', ['download', 'prometheus'], options)
  const file = (await readdir(work)).find((name) => name.endsWith('.deb'))
  await run('dpkg', ['-x', join(work, file ?? 'no package'), join(work, 'unpacked')], options)
  return join(work, 'unpacked/usr/bin')
}

/** As a dependency of an empty module: its own go.mod has replacements, which `go install` refuses. */
async function fromGo(work: string, say: (line: string) => void): Promise<string> {
  say(`Prometheus: building ${built.version} with Go (once, some minutes)`)
  const options = { cwd: work, timeout: buildWithinMs, env: { ...process.env, CGO_ENABLED: '0' } }
  const module = 'github.com/prometheus/prometheus'
  const bin = join(work, 'bin')
  await run('go', ['mod', 'init', 'switchyard-prometheus'], options)
  await run(
    'go',
    ['get', ...['prometheus', 'promtool'].map((it) => `${module}/cmd/${it}@${built.module}`)],
    options,
  )
  const packages = ['prometheus', 'promtool'].map((it) => `${module}/cmd/${it}`)
  const named = `-X github.com/prometheus/common/version.Version=${built.version}`
  const flags = ['-tags', 'remove_all_sd', '-ldflags', named]
  await run('go', ['build', ...flags, '-o', `${bin}/`, ...packages], options)
  return bin
}

async function isEnough({ prometheus, promtool }: PrometheusPrograms): Promise<boolean> {
  try {
    const { stdout, stderr } = await run(prometheus, ['--version'], { timeout: 5_000 })
    await run(promtool, ['--version'], { timeout: 5_000 })
    const version = /version (\d+)\.(\d+)/.exec(stdout + stderr)
    const [major, minor] = [Number(version?.[1]), Number(version?.[2])]
    return major > needed[0] || (major === needed[0] && minor >= needed[1])
  } catch {
    return false
  }
}
