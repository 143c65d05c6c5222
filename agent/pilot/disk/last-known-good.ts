/**
 * What an agent serves when nobody can be asked (DESIGN D6, D8), on disk. The small files change with
 * every switch and are written on its way; the big ones are written by the compile thread.
 *
 *   table                  hard link to the newest accepted table: what a starting worker reads
 *   table.<digest>         the two newest, each with table.<digest>.json: the names that it holds
 *   positions.json         the header that they are of, its position objects, and those applied
 *   endpoints.json         what workers have as endpoints of each release, and from what it was made
 *   snapshot.json          all objects under their header; may lag behind positions.json
 */
import { createHash } from 'node:crypto'
import { linkSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { PositionObject, SnapshotObject } from '#wire/object.ts'
import type { Sealed } from '#wire/signature.ts'
import { readIfThere, syncFolder, writeDurably, writeSynced } from '../../durable-file.ts'
import { type AppliedPosition, stateFiles } from '../../link.ts'
import type { EndpointsRecord } from '../endpoints/served.ts'
import { readChecked, writeChecked, writeCheckedBehind } from './checked-file.ts'

/** A table file and the names that it can serve. */
export interface TableFile {
  /** SHA-256 of its bytes, lower-case hex. */
  readonly digest: string
  readonly file: string
  readonly releases: readonly string[]
  readonly apps: readonly string[]
}

export interface PositionsRecord {
  readonly header: Sealed
  readonly objects: readonly PositionObject[]
  readonly positions: readonly AppliedPosition[]
}

export interface SnapshotRecord {
  readonly header: Sealed
  /** Digest of the table that was compiled from it. */
  readonly table: string
  readonly objects: readonly SnapshotObject[]
}

export interface LastKnownGood {
  readonly table: TableFile | null
  readonly positions: PositionsRecord | null
  readonly endpoints: EndpointsRecord
  /** What was corrupt, in words; empty when all was whole. */
  readonly damage: readonly string[]
}

const tablesKept = 2
const snapshotFile = 'snapshot.json'

/** The small files and the newest table that is whole. A fallback is written back, for the workers. */
export function loadLastKnownGood(folder: string): LastKnownGood {
  const damage: string[] = []
  const onCorrupt = (file: string) => damage.push(`${file} is corrupt`)
  const at = (name: string) => join(folder, name)

  const table = newestTable(folder, onCorrupt)
  if (table && damage.length > 0) promoteTable(folder, table)
  const positions = readChecked<PositionsRecord>(at(stateFiles.positions), onCorrupt)
  if (positions?.fellBack) writeChecked(at(stateFiles.positions), positions.value)
  const endpoints = readChecked<StoredEndpoints>(at(stateFiles.endpoints), onCorrupt)
  return {
    table,
    positions: positions?.value ?? null,
    endpoints: endpointsRecord(endpoints?.value ?? { endpoints: {} }),
    damage,
  }
}

/** Where nothing is shared, the endpoints are each release's own. */
type StoredEndpoints = Pick<EndpointsRecord, 'endpoints'> & Partial<EndpointsRecord>

const storedOf = ({ endpoints, own, shares }: EndpointsRecord): StoredEndpoints =>
  own === endpoints ? { endpoints } : { endpoints, own, shares }

const endpointsRecord = ({ endpoints, own, shares }: StoredEndpoints): EndpointsRecord => ({
  endpoints,
  own: own ?? endpoints,
  shares: shares ?? {},
})

/** All objects, for the tree. Big: read after the workers have what they need. */
export const loadSnapshot = (
  folder: string,
  onCorrupt: (file: string) => void,
): SnapshotRecord | null =>
  readChecked<SnapshotRecord>(join(folder, snapshotFile), onCorrupt)?.value ?? null

export const writeSnapshot = (folder: string, record: SnapshotRecord): void =>
  writeChecked(join(folder, snapshotFile), record)

/** Durable when it returns: part of "active". */
export const writePositions = (folder: string, record: PositionsRecord): void =>
  writeChecked(join(folder, stateFiles.positions), record)

export const writeEndpoints = (folder: string, record: EndpointsRecord): void =>
  writeChecked(join(folder, stateFiles.endpoints), storedOf(record))

/** False when `isWanted` said no. */
export const writeEndpointsBehind = (
  folder: string,
  record: EndpointsRecord,
  isWanted: () => boolean,
): Promise<boolean> =>
  writeCheckedBehind(join(folder, stateFiles.endpoints), storedOf(record), isWanted)

/** Writes a table under its own name; nobody starts from it until it is promoted. */
export function writeTable(
  folder: string,
  bytes: Uint8Array,
  names: Pick<TableFile, 'releases' | 'apps'>,
): TableFile {
  const digest = sha256(bytes)
  const file = join(folder, `${stateFiles.table}.${digest}`)
  const table: TableFile = { digest, file, ...names }
  if (!readIfThere(file) || !readTable(file)) {
    writeSynced(`${file}.tmp`, bytes)
    renameSync(`${file}.tmp`, file)
  }
  const { file: _, ...record } = table
  writeDurably(`${file}.json`, JSON.stringify(record))
  return table
}

/** Every worker has verified it: from now on it is what a starting worker reads. */
export function promoteTable(folder: string, table: TableFile): void {
  const link = join(folder, stateFiles.table)
  rmSync(`${link}.tmp`, { force: true })
  linkSync(table.file, `${link}.tmp`)
  renameSync(`${link}.tmp`, link)
  syncFolder(folder)
  for (const old of tableFiles(folder).slice(tablesKept)) {
    if (old === table.file) continue
    rmSync(old, { force: true })
    rmSync(`${old}.json`, { force: true })
  }
}

/** A table that was refused, or never accepted. */
export function dropTable(table: TableFile): void {
  rmSync(table.file, { force: true })
  rmSync(`${table.file}.json`, { force: true })
}

function newestTable(folder: string, onCorrupt: (file: string) => void): TableFile | null {
  const link = join(folder, stateFiles.table)
  const linked = readIfThere(link)
  if (linked) {
    const file = `${link}.${sha256(linked)}`
    const table = readTable(file)
    if (table) return table
    onCorrupt(link)
  }
  for (const file of tableFiles(folder)) {
    const table = readTable(file)
    if (table) return table
    onCorrupt(file)
  }
  return null
}

function readTable(file: string): TableFile | null {
  const bytes = readIfThere(file)
  const record = readIfThere(`${file}.json`)
  if (!bytes || !record) return null
  try {
    const names = JSON.parse(record.toString()) as Omit<TableFile, 'file'>
    return sha256(bytes) === names.digest && file.endsWith(names.digest) ? { ...names, file } : null
  } catch {
    return null
  }
}

/** Newest first. */
function tableFiles(folder: string): string[] {
  const name = new RegExp(`^${stateFiles.table}\\.[0-9a-f]{64}$`)
  return readdirSync(folder)
    .filter((entry) => name.test(entry))
    .map((entry) => join(folder, entry))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
