/**
 * For tests of the API: what `control/control-under-test.ts` gives, with control on workerd. `vitest.config.ts`
 * puts it in that file's place, so that the same cases run on both.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
import { startWorker } from './worker-under-test.ts'

export type { Called, CallOptions, ControlUnderTest, Said }
export { shop }

export async function startControl(clusters = ['eu-1', 'us-1']): Promise<ControlUnderTest> {
  const root = mkdtempSync(join(tmpdir(), 'switchyard-control-'))
  const folder = openStateFolder(join(root, 'state'))
  const clocks = { now: Date.now, monotonicMs: () => performance.now() }
  await init({ folder, ...clocks, wrapLog: (log) => log }, clusters)
  const worker = await startWorker()
  const put = await worker.transfer('PUT', transferOf(folder) as unknown as BodyInit)
  if (!put.ok) throw new Error(`${await put.text()}\n${worker.workerd().output()}`)
  const token = (name: string) => folder.read(name)!.trim()
  const adminToken = token(stateFiles.adminToken)
  return {
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
    call: (method, path, options = {}) => call(worker.url, adminToken, method, path, options),
    head: () => revisionOf(worker.url),
    restart: (port) => worker.restart(port),
    async stop() {
      await worker.stop()
      rmSync(root, { recursive: true })
    },
  }
}

/** Without waiting, as the cases have it: by a process of its own. */
function revisionOf(url: string): number {
  const ask = `fetch(${JSON.stringify(`${url}/readyz`)}).then((a) => a.json()).then((b) => console.log(b.revision))`
  return Number(execFileSync(process.execPath, ['-e', ask], { encoding: 'utf8' }))
}

const saidIn = (output: string): Said[] =>
  output.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Said]
    } catch {
      return []
    }
  })
