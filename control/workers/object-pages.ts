/**
 * Old records of the log, packed: 64 positions as one compressed row. Nothing is lost by it: every record
 * reads as before, for audits, looks back and transfers. Rows leave the log only for a page that holds
 * them, which the database itself sees to.
 *
 *   page n                    records 64 n + 1 to 64 n + 64
 *   log_pages (page, gzip)    JSON of their texts; null: too big to pack, its records stay rows
 */
import type { Log, LogRecord } from '../log/log.ts'
import { platformLimits } from './limits.ts'
import type { ObjectStorage } from './platform.ts'

const recordsPerPage = 64
/** Of a page's JSON; compressed it is smaller than a row may be, whatever it holds. */
const pageCharsMax = Math.floor((platformLimits.rowBytes * 0.8) / 3)
/** The newest records are read most, and stay as they are. */
export const recordsKept = 256
/** In one call: about 50 MB of records, two seconds of work. */
const pagesPerCall = 512

export const pageSchema = [
  'CREATE TABLE IF NOT EXISTS log_pages (page INTEGER PRIMARY KEY, gzip BLOB) STRICT',
  `CREATE TRIGGER IF NOT EXISTS log_pages_never_change BEFORE UPDATE ON log_pages
     BEGIN SELECT raise(ABORT, 'the log is append-only'); END`,
  `CREATE TRIGGER IF NOT EXISTS log_pages_never_go BEFORE DELETE ON log_pages
     BEGIN SELECT raise(ABORT, 'the log is append-only'); END`,
] as const

/** SQL: a page holds the record at `position`, so its rows may go. */
export const isPacked = (position: string) =>
  `EXISTS (SELECT 1 FROM log_pages WHERE page = (${position} - 1) / ${recordsPerPage} AND gzip IS NOT NULL)`

export interface Pages {
  /** Packed records after `position`, up to `last`. */
  read(position: number, last: number): Promise<readonly LogRecord[]>
}

export function createPages({ sql }: ObjectStorage): Pages {
  /** The one that was read last: who looks back record by record reads it again. */
  let held: { readonly page: number; readonly texts: readonly string[] } | null = null
  async function textsOf(page: number): Promise<readonly string[]> {
    if (held?.page === page) return held.texts
    const [row] = sql
      .exec<{ gzip: ArrayBuffer | null }>('SELECT gzip FROM log_pages WHERE page = ?', page)
      .toArray()
    const texts = row?.gzip ? await unpacked(row.gzip) : []
    held = { page, texts }
    return texts
  }
  return {
    async read(position, last) {
      const records: LogRecord[] = []
      for (let page = pageOf(position + 1); page <= pageOf(last); page++) {
        for (const [n, text] of (await textsOf(page)).entries()) {
          const at = page * recordsPerPage + 1 + n
          if (at > position && at <= last) records.push({ position: at, text })
        }
      }
      return records
    },
  }
}

export interface Compacted {
  /** That were packed by this call. */
  readonly records: number
  /** False: there is more; call again. */
  readonly isDone: boolean
}

/** Throws, and leaves the rows, when what was packed does not read as they do. */
export async function compact(
  storage: ObjectStorage,
  log: Pick<Log, 'head' | 'read'>,
  removeRows: (position: number, count: number) => void,
): Promise<Compacted> {
  const { sql } = storage
  const lastPage = pageOf((await log.head()) - recordsKept + 1) - 1
  const [row] = sql
    .exec<{ page: number | null }>('SELECT max(page) AS page FROM log_pages')
    .toArray()
  const first = (row?.page ?? -1) + 1
  const end = Math.min(lastPage + 1, first + pagesPerCall)
  let records = 0
  for (let page = first; page < end; page++) {
    const read = await log.read(page * recordsPerPage, recordsPerPage)
    const texts = read.map(({ text }) => text)
    const gzip = await packed(texts)
    storage.transactionSync(() => {
      sql.exec('INSERT INTO log_pages VALUES (?, ?)', page, gzip)
      if (gzip) removeRows(page * recordsPerPage + 1, recordsPerPage)
    })
    if (gzip) records += texts.length
  }
  await storage.sync()
  return { records, isDone: end > lastPage }
}

/** Null: it is too big. */
async function packed(texts: readonly string[]): Promise<ArrayBuffer | null> {
  const json = JSON.stringify(texts)
  if (json.length > pageCharsMax) return null
  const stream = new Blob([json]).stream().pipeThrough(new CompressionStream('gzip'))
  const gzip = await new Response(stream).arrayBuffer()
  if (JSON.stringify(await unpacked(gzip)) !== json)
    throw new Error('a page does not read as its records')
  return gzip
}

async function unpacked(gzip: ArrayBuffer): Promise<readonly string[]> {
  const stream = new Blob([gzip]).stream().pipeThrough(new DecompressionStream('gzip'))
  return (await new Response(stream).json()) as readonly string[]
}

const pageOf = (position: number) => Math.floor((position - 1) / recordsPerPage)
