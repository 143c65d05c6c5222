/**
 * The thread that compiles. It holds its own copy of the objects, by bucket, and owns the big files, so
 * that neither 100,000 routes nor their bytes ever pass the pilot's event loop: only changed buckets do.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { compileTable } from '#router/compile.ts'
import { appInTable } from '#router/plan.ts'
import type { SnapshotObject } from '#wire/object.ts'
import type { Sealed } from '#wire/signature.ts'
import {
  type SnapshotRecord,
  type TableFile,
  writeSnapshot,
  writeTable,
} from '../disk/last-known-good.ts'

export type CompileRequest =
  | { readonly type: 'bucket'; readonly id: number; readonly objects: readonly SnapshotObject[] }
  | { readonly type: 'compile'; readonly job: number; readonly header: Sealed }
  /** The table of this job is served: its objects are the last-known-good. */
  | { readonly type: 'keep'; readonly job: number }

export type CompileAnswer =
  | {
      readonly type: 'compiled'
      readonly job: number
      readonly table: TableFile
      readonly ms: number
    }
  | { readonly type: 'refused'; readonly job: number; readonly reason: string }

const { folder } = workerData as { folder: string }
const buckets = new Map<number, readonly SnapshotObject[]>()
let compiled: { job: number; record: SnapshotRecord } | null = null

function compile(job: number, header: Sealed): CompileAnswer {
  const startMs = performance.now()
  const objects = [...buckets.values()].flat()
  const outcome = compileTable(objects)
  if (!outcome.ok) return { type: 'refused', job, reason: `${outcome.key}: ${outcome.reason}` }
  const releases = new Set<string>()
  const apps = new Set<string>()
  for (const object of objects) {
    if (object.kind === 'backend') releases.add(object.release)
    if (object.kind === 'route') apps.add(appInTable(object))
    else if (object.kind === 'backend') apps.add(object.app)
  }
  const table = writeTable(folder, outcome.bytes, { releases: [...releases], apps: [...apps] })
  compiled = { job, record: { header, table: table.digest, objects } }
  return { type: 'compiled', job, table, ms: performance.now() - startMs }
}

parentPort!.on('message', (request: CompileRequest) => {
  if (request.type === 'bucket') buckets.set(request.id, request.objects)
  else if (request.type === 'compile') {
    const answer = compile(request.job, request.header)
    parentPort!.postMessage(answer satisfies CompileAnswer)
  } else if (compiled?.job === request.job) {
    writeSnapshot(folder, compiled.record)
  }
})
