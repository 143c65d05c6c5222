/**
 * For tests of the API: what `control/control-under-test.ts` gives, with control on workerd. `vitest.config.ts`
 * puts it in that file's place, so that the same cases run on both.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RateLimits } from '../../control/api/rates.ts'
import {
  type Called,
  type CallOptions,
  type ControlUnderTest,
  call,
  type Said,
  shop,
} from '../../control/client-under-test.ts'
import { init } from '../../control/node/commands.ts'
import { openStateFolder, stateFiles } from '../../control/node/folder.ts'
import { transferOf } from '../../control/node/transfer-file.ts'
import { revisionOf } from './revision.ts'
import { startWorker, type WorkerOptions, type WorkerUnderTest } from './worker-under-test.ts'

export type { Called, CallOptions, ControlUnderTest, Said }
export { shop }

interface More extends WorkerOptions {
  readonly rates?: RateLimits
}

export interface ControlOnWorkerd extends ControlUnderTest {
  readonly worker: WorkerUnderTest
}

export async function startControl(
  clusters = ['eu-1', 'us-1'],
  { rates, variables, ...others }: More = {},
): Promise<ControlOnWorkerd> {
  const root = mkdtempSync(join(tmpdir(), 'switchyard-control-'))
  const folder = openStateFolder(join(root, 'state'))
  const clocks = { now: Date.now, monotonicMs: () => performance.now() }
  await init({ folder, ...clocks, wrapLog: (log) => log }, clusters)
  const worker = await startWorker({
    ...others,
    variables: {
      ...(rates && {
        SWITCHYARD_READ_LIMIT: String(rates.reads),
        SWITCHYARD_CHANGE_LIMIT: String(rates.changes),
      }),
      ...variables,
    },
  })
  const put = await worker.transfer('PUT', transferOf(folder) as unknown as BodyInit)
  if (!put.ok) throw new Error(`${await put.text()}\n${worker.workerd().output()}`)
  const token = (name: string) => folder.read(name)!.trim()
  const adminToken = token(stateFiles.adminToken)
  return {
    worker,
    get url() {
      return worker.url
    },
    get served(): never {
      throw new Error('control runs in workerd, not in this process')
    },
    folder,
    get said() {
      return saidIn(worker.workerd().output())
    },
    adminToken,
    enrolmentToken: (cluster) => token(stateFiles.enrolmentToken(cluster)),
    async kept(name) {
      const [first = ''] = await linesOf(worker)
      const { texts } = JSON.parse(first) as { texts: Record<string, string> }
      return texts[name] ?? null
    },
    async traces() {
      const [first = '', ...records] = await linesOf(worker)
      const { texts } = JSON.parse(first) as { texts: Record<string, string> }
      const { [stateFiles.webhookCursors]: _, ...others } = texts
      return { texts: others, records: records.slice(0, -1) }
    },
    call: (method, path, options = {}) =>
      call(worker.url, adminToken, method, path, {
        ...options,
        // Which Cloudflare's front sets, and no caller can.
        headers: { 'cf-connecting-ip': '127.0.0.1', ...options.headers },
      }),
    head: () => revisionOf(worker.url),
    restart: (port) => worker.restart(port),
    async stop() {
      await worker.stop()
      rmSync(root, { recursive: true })
    },
  }
}

/** Of a transfer out of the object: what it keeps, its records, and a digest. */
const linesOf = async (worker: WorkerUnderTest): Promise<readonly string[]> =>
  (await (await worker.transfer('GET')).text()).trimEnd().split('\n')

const saidIn = (output: string): Said[] =>
  output.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Said]
    } catch {
      return []
    }
  })
