/**
 * A whole control plane as lines of JSON, to go from one runtime to another: the texts beside the log
 * (they hold private keys), every record, and at the end the count and a digest over all of it. What ends
 * without its last line, or with another digest, was cut or changed and is not taken.
 *
 *   {"format":"switchyard-transfer","version":1,"texts":{name: text}}
 *   {"position":1,"text":"…"} …
 *   {"records":n,"digest":"…"}
 */
import { z } from 'zod'
import { sha256Hex } from '#wire/sha256.ts'
import type { Log, LogRecord } from './log/log.ts'

const first = z.strictObject({
  format: z.literal('switchyard-transfer'),
  version: z.literal(1),
  texts: z.record(z.string().max(256), z.string().max(1_048_576)),
})
const between = z.strictObject({ position: z.int().min(1), text: z.string() })
const last = z.strictObject({ records: z.int().min(0), digest: z.string() })

export interface Transferred {
  readonly texts: Readonly<Record<string, string>>
  readonly records: number
}

/** What was cut, changed or is something else. */
export class NotTransferred extends Error {
  override readonly name = 'NotTransferred'
}

/** The longest line: a record of the largest size, as JSON within JSON. */
export const lineCharsMax = 67_108_864
const pageRecords = 128

/** Lines with their ends; of the log as it is now, because the texts are. */
export async function* transferLines(
  log: Pick<Log, 'head' | 'read'>,
  texts: Readonly<Record<string, string>>,
): AsyncGenerator<string> {
  const head = await log.head()
  let digest = ''
  let position = 0
  const noted = (line: string) => {
    digest = digestOf(digest, line)
    return `${line}\n`
  }
  yield noted(JSON.stringify({ format: 'switchyard-transfer', version: 1, texts }))
  while (position < head) {
    const page = await log.read(position, Math.min(pageRecords, head - position))
    if (page.length === 0) throw new Error(`the log ends before ${head}`)
    for (const record of page) {
      yield noted(JSON.stringify({ position: record.position, text: record.text }))
      position = record.position
    }
  }
  yield `${JSON.stringify({ records: position, digest })}\n`
}

/** Gives every record to `take`, in order; throws `NotTransferred` when the last line does not agree. */
export async function readTransfer(
  lines: AsyncIterable<string>,
  take: (record: LogRecord) => Promise<void>,
): Promise<Transferred> {
  let [digest, records] = ['', 0]
  let texts: Transferred['texts'] | null = null
  for await (const line of lines) {
    const value = parsed(line)
    if (texts === null) {
      texts = valid(first, value, 'the first line').texts
    } else if (last.safeParse(value).success) {
      const end = last.parse(value)
      if (end.records !== records || end.digest !== digest) {
        throw new NotTransferred(`its ${records} records do not agree with its last line`)
      }
      return { texts, records }
    } else {
      const record = valid(between, value, `line ${records + 2}`)
      if (record.position !== records + 1) {
        throw new NotTransferred(`record ${record.position} follows record ${records}`)
      }
      await take(record)
      records = record.position
    }
    digest = digestOf(digest, line)
  }
  throw new NotTransferred(`it was cut after ${records} records`)
}

/** Splits a body into lines, without their ends. */
export async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop()!
    if (rest.length > lineCharsMax) throw new NotTransferred('a line is too long')
    yield* parts
  }
  if (rest !== '') throw new NotTransferred('its last line is not whole')
}

const encoder = new TextEncoder()
const digestOf = (before: string, line: string) => sha256Hex(encoder.encode(before + line))

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new NotTransferred('a line is no JSON')
  }
}

function valid<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (!result.success) throw new NotTransferred(`${what} is not that of a transfer`)
  return result.data
}
