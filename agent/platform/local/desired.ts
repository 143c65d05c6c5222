/**
 * What a local cluster shall run, on disk, and who may say so: the holder of the lease, with the version
 * that it has read, from a snapshot that is not older than the applied one.
 */
import type { Say } from '#wire/log-line.ts'
import { readIfThere, writeDurably } from '../../durable-file.ts'
import { copiesMax, type DesiredState, desiredState, type WorkloadsPut } from './protocol.ts'

export type PutOutcome =
  | { readonly ok: true; readonly version: number }
  | {
      readonly ok: false
      readonly code: 'not-holder' | 'version-changed' | 'older' | 'too-many-copies'
      readonly version: number
    }

export interface Desired {
  state(): DesiredState
  put(request: WorkloadsPut, holder: string | null): PutOutcome
}

export function openDesired(file: string, log: Say): Desired {
  let state: DesiredState = { version: 0, epoch: 0, revision: 0, workloads: [] }
  const bytes = readIfThere(file)
  if (bytes) {
    const parsed = parse(bytes)
    if (parsed) state = parsed
    else
      log('state-damaged', `${file} is corrupt: nothing runs until the lease's holder writes again`)
  }

  return {
    state: () => state,
    put(request, holder) {
      const refuse = (code: Exclude<PutOutcome, { ok: true }>['code']): PutOutcome => ({
        ok: false,
        code,
        version: state.version,
      })
      if (request.holder !== holder) return refuse('not-holder')
      if (isOlder(request, state)) return refuse('older')
      if (request.expected !== state.version) return refuse('version-changed')
      const copies = request.workloads.reduce((sum, workload) => sum + workload.copies, 0)
      if (copies > copiesMax) return refuse('too-many-copies')
      const { epoch, revision, workloads } = request
      state = { version: state.version + 1, epoch, revision, workloads }
      writeDurably(file, JSON.stringify(state))
      return { ok: true, version: state.version }
    },
  }
}

type Place = Pick<DesiredState, 'epoch' | 'revision'>

const isOlder = (one: Place, other: Place) =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.revision < other.revision)

function parse(bytes: Buffer): DesiredState | null {
  try {
    return desiredState.parse(JSON.parse(bytes.toString()))
  } catch {
    return null
  }
}
