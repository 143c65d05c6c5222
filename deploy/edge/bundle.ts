/** The Worker as it would be uploaded: wrangler's own bundle of its configuration; no account is asked for. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '../..')
const wrangler = resolve(root, 'node_modules/wrangler/bin/wrangler.js')
const bundleWithinMs = 120_000

export interface Bundle {
  readonly folder: string
  /** Files of it, the main module first. */
  readonly modules: readonly string[]
}

/** Throws with wrangler's own words when the Worker cannot be built. */
export async function bundleWorker(config: string, folder: string): Promise<Bundle> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const args = [wrangler, 'deploy', '--dry-run', '--outdir', folder, '--config', config]
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true', NO_COLOR: '1' }
  await promisify(execFile)(process.execPath, args, { cwd: root, env, timeout: bundleWithinMs })
  return bundleFrom(folder)
}

/** What `bundleWorker` has left there. */
export function bundleFrom(folder: string): Bundle {
  const modules = (existsSync(folder) ? readdirSync(folder) : []).filter((name) =>
    /\.(js|wasm)$/.test(name),
  )
  const main = modules.find((name) => name.endsWith('.js'))
  if (!main)
    throw new Error(
      `there is no Worker in ${folder}: was this state made for Node? Give another --state folder`,
    )
  return { folder, modules: [main, ...modules.filter((name) => name !== main)] }
}
