/**
 * A log and its secrets into the object, once, and out of it: `PUT` and `GET /edge/log`, by the bearer of
 * the secret `SWITCHYARD_TRANSFER_TOKEN`. A log that was cut on its way counts for nothing; a whole one goes
 * on under a higher epoch, so that what it was taken from is not believed any more.
 */

import { problem } from '../api/problem.ts'
import type { Log } from '../log/log.ts'
import { raiseEpoch, withQuietTurns } from '../quiet-turns.ts'
import { linesOf, NotTransferred, readTransfer, transferLines } from '../transfer.ts'
import { hashToken, sameHash } from '../trust/tokens.ts'
import { openObjectLog, removeObjectLog } from './object-log.ts'
import type { ObjectTexts } from './object-texts.ts'
import type { ObjectStorage } from './platform.ts'

export const transferPath = '/edge/log'
/** In the texts: where the log that was put in ends; what is missing while one is on its way. */
const wholeNote = 'transferred'

export interface TransferOptions {
  readonly storage: ObjectStorage
  readonly texts: ObjectTexts
  readonly token: string | undefined
  readonly isOpen: () => boolean
  /** Begins to work on the log that is there now. */
  readonly open: () => Promise<void>
}

export interface Transfers {
  answer(request: Request): Promise<Response>
  /** Nothing was put in yet. */
  notYet(): Response
  isWhole(): boolean
  /** Once after a transfer. */
  raiseEpoch(log: Log): Promise<void>
}

export function createTransfers(options: TransferOptions): Transfers {
  const { storage, texts, token } = options
  let taking = false

  const isKnown = (request: Request): boolean => {
    const [, bearer = ''] = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '') ?? []
    return token !== undefined && sameHash(hashToken(bearer), hashToken(token))
  }

  async function put(request: Request): Promise<Response> {
    if (options.isOpen()) {
      return problem({
        code: 'log-present',
        detail: 'The object has a log already; nothing is put over it.',
        fix: 'Deploy under another name for another fleet.',
      })
    }
    if (taking) return problem({ code: 'overloaded', detail: 'Another log is on its way in.' })
    taking = true
    try {
      return await take(request)
    } catch (error) {
      if (!(error instanceof NotTransferred)) throw error
      return problem({
        code: 'transfer-broken',
        detail: `This is no whole transfer: ${error.message}.`,
        fix: 'Send what `transferOf` wrote, again from its beginning.',
      })
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
    storage.transactionSync(() => {
      for (const [name, text] of Object.entries(transferred.texts)) texts.write(name, text)
      texts.write(wholeNote, String(transferred.records))
    })
    await storage.sync()
    await options.open()
    return Response.json({ records: transferred.records, revision: await log.head() })
  }

  function get(): Response {
    if (!options.isOpen()) return notYet()
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

  const notYet = () =>
    problem({
      code: 'log-missing',
      detail: 'There is no log in this object yet.',
      fix: 'Put one in: `npm run edge -- put`, as docs/edge.md shows.',
    })

  return {
    notYet,
    async answer(request) {
      if (!isKnown(request)) {
        return problem({
          code: 'unauthenticated',
          detail: 'A transfer needs the bearer token of the secret SWITCHYARD_TRANSFER_TOKEN.',
        })
      }
      if (request.method === 'PUT') return put(request)
      if (request.method === 'GET') return get()
      return problem(
        { code: 'method-not-allowed', detail: 'This address takes GET, PUT.' },
        { allow: 'GET, PUT' },
      )
    },
    isWhole: () => texts.read(wholeNote) !== null,
    async raiseEpoch(log) {
      if (Number(texts.read(wholeNote)) !== (await log.head())) return
      const clocks = { now: Date.now, monotonicMs: () => performance.now() }
      await withQuietTurns({ log, ...clocks }, (turns) => raiseEpoch(turns, 0))
    },
  }
}
