/**
 * A log and its secrets into the object, out of it, and away (`/edge/log`), and a higher epoch
 * (`/edge/recover`). A log that was cut on its way counts for nothing; a whole one goes on under a higher
 * epoch, above that of what the object held before, so that nothing else is believed any more.
 */

import { problem } from '../api/problem.ts'
import { fleetEpoch, rememberFleetEpoch } from '../fleet-epoch.ts'
import type { History } from '../history/history.ts'
import type { Log } from '../log/log.ts'
import { raiseEpoch, withQuietTurns } from '../quiet-turns.ts'
import { linesOf, NotTransferred, readTransfer, transferLines } from '../transfer.ts'
import { storedNames } from '../trust/store.ts'
import { removeObjectHistory } from './object-history.ts'
import { openObjectLog, removeObjectLog } from './object-log.ts'
import type { ObjectTexts } from './object-texts.ts'
import type { ObjectStorage } from './platform.ts'

/**
 * In the texts: where a log ends that is to go on under a higher epoch. It is missing while one is on its way
 * in: then there is none.
 */
const wholeNote = 'transferred'

export interface TransferOptions {
  readonly storage: ObjectStorage
  readonly texts: ObjectTexts
  /** Of the control plane that works on the log; null: there is none. */
  readonly epochNumber: () => number | null
  /** Begins to work on the log that is there now. */
  readonly open: () => Promise<void>
  /** Ends that, and every answer that is under way. */
  readonly close: () => Promise<void>
  /** Nothing else reaches the object meanwhile. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>
}

export interface Transfers {
  put(request: Request): Promise<Response>
  get(): Promise<Response>
  /** `?revision=` is the newest one: whoever removes a log has just looked at it. */
  remove(request: Request): Promise<Response>
  recover(): Promise<Response>
  /** Nothing was put in yet. */
  notYet(): Response
  isWhole(): boolean
  /** Once after a transfer, and when it is asked for. */
  raiseEpoch(log: Log, history: () => History): Promise<void>
}

export function createTransfers(options: TransferOptions): Transfers {
  const { storage, texts } = options
  let taking = false

  async function put(request: Request): Promise<Response> {
    if (options.epochNumber() !== null) return problem(present)
    if (taking) return problem({ code: 'overloaded', detail: 'Another log is on its way in.' })
    taking = true
    try {
      return await take(request)
    } catch (error) {
      if (!(error instanceof NotTransferred)) throw error
      return problem(broken(error.message))
    } finally {
      taking = false
    }
  }

  async function take(request: Request): Promise<Response> {
    removeObjectLog(storage)
    const log = openObjectLog(storage)
    const body = (request.body ?? new Blob([]).stream()) as unknown as AsyncIterable<Uint8Array>
    const transferred = await readTransfer(linesOf(body), async ({ position, text }) => {
      await log.append(position - 1, text)
    })
    const { [storedNames.fleetEpoch]: _, ...own } = transferred.texts
    storage.transactionSync(() => {
      for (const [name, text] of Object.entries(own)) texts.write(name, text)
      texts.write(wholeNote, String(transferred.records))
    })
    await storage.sync()
    await options.open()
    return Response.json({ records: transferred.records, revision: await log.head() })
  }

  async function get(): Promise<Response> {
    if (options.epochNumber() === null) return problem(missing)
    const { [wholeNote]: _, ...shown } = texts.all()
    const lines = transferLines(openObjectLog(storage), shown)
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await lines.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
    })
    return new Response(body, {
      headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' },
    })
  }

  async function remove(request: Request): Promise<Response> {
    const epochNumber = options.epochNumber()
    if (epochNumber === null) return problem(missing)
    return options.alone(async () => {
      const revision = await openObjectLog(storage).head()
      const named = new URL(request.url).searchParams.get('revision')
      if (named !== String(revision)) return problem(notNewest(named, revision))
      await options.close()
      storage.transactionSync(() => {
        for (const name of Object.keys(texts.all())) texts.remove(name)
        rememberFleetEpoch(texts, epochNumber)
        removeObjectLog(storage)
        removeObjectHistory(storage)
      })
      await storage.deleteAlarm()
      await storage.sync()
      return Response.json({ removed: revision })
    })
  }

  async function recover(): Promise<Response> {
    if (options.epochNumber() === null) return problem(missing)
    return options.alone(async () => {
      await options.close()
      const log = openObjectLog(storage)
      texts.write(wholeNote, String(await log.head()))
      await options.open()
      return Response.json({ epoch: options.epochNumber(), revision: await log.head() })
    })
  }

  return {
    put,
    get,
    remove,
    recover,
    notYet: () => problem(missing),
    isWhole: () => texts.read(wholeNote) !== null,
    async raiseEpoch(log, history) {
      if (Number(texts.read(wholeNote)) !== (await log.head())) return
      const clocks = { now: Date.now, monotonicMs: () => performance.now() }
      const followed = history()
      try {
        await withQuietTurns({ log, history: followed, ...clocks }, (turns) =>
          raiseEpoch(turns, fleetEpoch(texts)),
        )
      } finally {
        await followed.close()
      }
    },
  }
}

const missing = {
  code: 'log-missing',
  detail: 'There is no log in this object yet.',
  fix: 'Put one in: `control export`, and `curl -T` to /edge/log, as docs/edge.md shows.',
} as const

const present = {
  code: 'log-present',
  detail: 'The object has a log already; nothing is put over it.',
  fix: 'For another fleet deploy under another name; to restore, take the log away first (DELETE).',
} as const

const broken = (reason: string) =>
  ({
    code: 'transfer-broken',
    detail: `This is no whole transfer: ${reason}.`,
    fix: 'Send what `control export` or GET of this address wrote, again from its beginning.',
  }) as const

const notNewest = (named: string | null, revision: number) =>
  ({
    code: 'state-changed',
    detail: `The log ends at revision ${revision}, not at ${named ?? 'any that you named'}.`,
    fix: 'Get the log first, then DELETE with `?revision=` and the number of its records.',
    evidence: { revision },
  }) as const
