/**
 * The folder of one lab: everything that it writes is below it, and its record says which process holds the
 * lab. A lab whose holder was killed leaves a folder and empty control groups; whoever starts the next lab
 * sweeps them.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { removeContainerGroups } from './control-groups.ts'

const prefix = 'swy-lab-'
const recordName = 'lab.json'

/** What others need to enter a lab that runs. */
export const labRecord = z.object({
  name: z.string(),
  /** The process that holds the lab, and when it started, because numbers are used again. */
  holder: z.object({ pid: z.int(), startedAt: z.string() }),
  /** The first process of the lab, as the machine numbers it; 0 before there is one. */
  pid: z.int(),
  kubeconfig: z.string(),
  kubectl: z.string(),
  podCidr: z.string(),
  serviceCidr: z.string(),
  nodeAddress: z.string(),
})
export type LabRecord = z.infer<typeof labRecord>

export function makeLabFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${name}-`))
  for (const inner of ['logs', 'etcd', 'volumes', 'tmp']) mkdirSync(join(folder, inner))
  return folder
}

export function writeRecord(folder: string, record: Omit<LabRecord, 'holder'>): void {
  const holder = { pid: process.pid, startedAt: startOf(process.pid) ?? '' }
  writeFileSync(join(folder, recordName), JSON.stringify({ ...record, holder }))
}

/** Labs that run now, whoever started them. */
export function runningLabs(): LabRecord[] {
  return labFolders().flatMap((folder) => {
    const record = readRecord(folder)
    return record && isHeld(record) ? [record] : []
  })
}

export async function removeLab(folder: string): Promise<void> {
  await removeContainerGroups(folder)
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}

/** Removes what labs left whose holders were killed. */
export async function sweep(say: (line: string) => void): Promise<void> {
  for (const folder of labFolders()) {
    const record = readRecord(folder)
    if (!record || isHeld(record)) continue
    say(`removing what lab ${record.name} left in ${folder}`)
    await removeLab(folder)
  }
}

function labFolders(): string[] {
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(tmpdir(), name))
}

function readRecord(folder: string): LabRecord | null {
  const file = join(folder, recordName)
  if (!existsSync(file)) return null
  const parsed = labRecord.safeParse(JSON.parse(readFileSync(file, 'utf8')))
  return parsed.success ? parsed.data : null
}

const isHeld = ({ holder }: LabRecord) => startOf(holder.pid) === holder.startedAt

/** Clock ticks after boot (proc(5), field 22); null when there is no such process. */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
