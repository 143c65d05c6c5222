/** For tests: the control plane of `wrangler.toml` on a real workerd, on a folder of its own. */
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { makeToken } from '../../control/trust/tokens.ts'
import { type Bundle, bundleFrom, bundleWorker } from '../../deploy/edge/bundle.ts'
import { startWorkerd, type Workerd } from '../../deploy/edge/workerd.ts'
import { readWrangler, type WorkerdPlan } from '../../deploy/edge/workerd-config.ts'
import { bundleFolder } from './bundled-once.ts'

export interface WorkerUnderTest {
  readonly url: string
  readonly folder: string
  readonly transferToken: string
  readonly bundle: Bundle
  workerd(): Workerd
  /** `GET` or `PUT` of the log and its secrets. */
  transfer(method: 'GET' | 'PUT', body?: BodyInit | null, token?: string): Promise<Response>
  /** Asks the object itself: `/edge/…`. */
  ask(method: string, path: string): Promise<Response>
  /**
   * Kills workerd with -9 and starts it on the same disk, at the same port when it is given, with these
   * variables from now on.
   */
  restart(port?: number, variables?: Readonly<Record<string, string>>): Promise<void>
  stop(): Promise<void>
}

const wranglerFile = resolve(import.meta.dirname, '../../wrangler.toml')
const bundles = new Map<string, Promise<Bundle>>()
const bundled = (config: string): Promise<Bundle> => {
  const bundling = bundles.get(config) ?? bundle(config)
  bundles.set(config, bundling)
  return bundling
}

/** Of the files that run, one makes it, and the others find it; alone, it is this process's. */
async function bundle(config: string): Promise<Bundle> {
  const shared = process.env[bundleFolder]
  const folder = join(
    shared ?? untilExit(mkdtempSync(join(tmpdir(), 'switchyard-bundle-'))),
    basename(config, '.toml'),
  )
  if (!existsSync(folder)) {
    const made = `${folder}-${process.pid}`
    await bundleWorker(config, made)
    // Two that run at once may both have made it.
    if (existsSync(folder)) rmSync(made, { recursive: true })
    else renameSync(made, folder)
  }
  return bundleFrom(folder)
}

function untilExit(folder: string): string {
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface WorkerOptions {
  /** Further ones of the Worker, as `wrangler.toml` would have them. */
  readonly variables?: Readonly<Record<string, string>>
  /** Of workerd, for measurements. */
  readonly v8Flags?: readonly string[]
  /** Another Worker than that of `wrangler.toml`. */
  readonly config?: string
}

export async function startWorker({
  variables = {},
  v8Flags = [],
  config = wranglerFile,
}: WorkerOptions = {}): Promise<WorkerUnderTest> {
  const bundle = await bundled(config)
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-worker-'))
  const transferToken = makeToken('admin').token
  let plan: WorkerdPlan = {
    ...readWrangler(config),
    bundle,
    storage: join(folder, 'objects'),
    v8Flags,
    host: '127.0.0.1',
    port: 0,
    texts: {
      SWITCHYARD_TRANSFER_TOKEN: transferToken,
      SWITCHYARD_HOSTS: 'localhost,127.0.0.1,[::1]',
      SWITCHYARD_CODE: 'under test',
      ...variables,
    },
  }
  let workerd = await startWorkerd(plan)
  return {
    get url() {
      return workerd.url
    },
    folder,
    transferToken,
    bundle,
    workerd: () => workerd,
    transfer: (method, body = null, token = transferToken) =>
      fetch(`${workerd.url}/edge/log`, {
        method,
        headers: { authorization: `Bearer ${token}` },
        body,
        duplex: 'half',
      } as RequestInit),
    ask: (method, path) =>
      fetch(workerd.url + path, {
        method,
        headers: { authorization: `Bearer ${transferToken}` },
      }),
    async restart(port = 0, more = {}) {
      await workerd.kill('SIGKILL')
      plan = { ...plan, texts: { ...plan.texts, ...more } }
      workerd = await startWorkerd({ ...plan, port })
    },
    async stop() {
      await workerd.kill('SIGTERM')
      rmSync(folder, { recursive: true })
    },
  }
}
