/**
 * The Durable Object that is a fleet's control plane: the same core as under Node, on the object's SQLite
 * and alarm. It is made by the first event and leaves memory when nothing happens; everything that counts
 * is in the log. Empty at first, it is filled by a transfer (`transfers.ts`).
 */
import { createSay, type Say, stackOf } from '#wire/log-line.ts'
import type { Tree } from '#wire/tree.ts'
import type { Alarm } from '../alarm.ts'
import { defaultRates, type RateLimits } from '../api/rates.ts'
import { createCompile } from '../compile.ts'
import { type Control, createControl } from '../control.ts'
import { crashingCursors, crashingLog, crashingTransport, type Step } from '../crash-points.ts'
import { createHttpTransport } from '../delivery/http.ts'
import { createNatsTransport } from '../delivery/nats.ts'
import { natsCredentials } from '../delivery/nats-credentials.ts'
import { createExplain } from '../explaining.ts'
import { rememberFleetEpoch } from '../fleet-epoch.ts'
import { createHistory } from '../history/history.ts'
import type { Log } from '../log/log.ts'
import { createMetrics } from '../metrics.ts'
import { openKeyRing } from '../trust/key-ring.ts'
import { storedKeys } from '../trust/keys.ts'
import { storedNames } from '../trust/store.ts'
import { openCursors } from '../webhooks/cursors.ts'
import { createWebhookSecrets } from '../webhooks/secrets.ts'
import { boundedCompile } from './bounded-compile.ts'
import { type CrashVariables, objectCrashAt } from './crash-at.ts'
import { createDesk, type Desk } from './desk.ts'
import { type Metered, metered } from './metered.ts'
import { createObjectAlarm, type ObjectAlarm } from './object-alarm.ts'
import { openObjectHistory, removeObjectHistory } from './object-history.ts'
import { openObjectLog } from './object-log.ts'
import { createObjectSleep, type ObjectSleep } from './object-sleep.ts'
import { type ObjectTexts, openObjectTexts } from './object-texts.ts'
import type { ObjectNamespace, ObjectState } from './platform.ts'
import routerWasm from './router-module.ts'
import { createStorageRoom, type StorageRoom } from './storage.ts'
import { createTransfers, type Transfers } from './transfers.ts'
import { createVisits, type Visits } from './visits.ts'

export interface Environment extends CrashVariables {
  readonly FLEET: ObjectNamespace
  /** Secret: who may put a log into the object and take it out. Without it nobody may. */
  readonly SWITCHYARD_TRANSFER_TOKEN?: string
  /** Names that the API answers to, by commas; left out: any. */
  readonly SWITCHYARD_HOSTS?: string
  /** Calls in 10 s that one token may look with, and change something with. */
  readonly SWITCHYARD_READ_LIMIT?: string
  readonly SWITCHYARD_CHANGE_LIMIT?: string
  /** Bytes that the object may fill, for a plan with less than the platform's limit. */
  readonly SWITCHYARD_STORAGE_BYTES?: string
  /** Servers of NATS, by commas; left out: agents speak HTTP with the object alone. */
  readonly SWITCHYARD_NATS?: string
  /** Secret: the users of NATS, control's own and one per cluster, as the file under Node. */
  readonly SWITCHYARD_NATS_CREDENTIALS?: string
  /** Which code this is: checkpoints of another one are not used. */
  readonly VERSION?: { readonly id: string }
  readonly SWITCHYARD_CODE?: string
}

export class Fleet {
  readonly #state: ObjectState
  readonly #environment: Environment
  readonly #storage: Metered
  readonly #say: Say
  readonly #texts: ObjectTexts
  readonly #transfers: Transfers
  readonly #desk: Desk
  readonly #room: StorageRoom
  #control: Control | null = null
  #alarm: ObjectAlarm | null = null
  #visits: Visits | null = null
  #sleep: ObjectSleep | null = null
  #step: Step = () => {}
  /** Since the object let go the last time. */
  #events = 0
  #rings = false
  /** Of the visit that has ended and was not told yet. */
  #visitMs: number | null = null

  constructor(state: ObjectState, environment: Environment) {
    this.#state = state
    this.#storage = metered(state.storage)
    this.#environment = environment
    this.#say = createSay({
      format: 'json',
      base: { program: 'control' },
      now: Date.now,
      write: (line) => console.log(line.trimEnd()),
    })
    this.#texts = openObjectTexts(this.#storage.storage)
    this.#transfers = createTransfers({
      storage: this.#storage.storage,
      texts: this.#texts,
      epochNumber: () => this.#control?.turns.state().epoch?.number ?? null,
      open: () => this.#open(),
      close: () => this.#close(),
      alone: (work) => state.blockConcurrencyWhile(work),
    })
    this.#room = createStorageRoom(this.#storage.storage, environment.SWITCHYARD_STORAGE_BYTES)
    const { put, get, remove, recover } = this.#transfers
    this.#desk = createDesk(environment.SWITCHYARD_TRANSFER_TOKEN, {
      '/edge/log': { GET: get, PUT: put, DELETE: remove },
      '/edge/recover': { POST: recover },
      '/edge/compact': { POST: this.#room.compact },
    })
    void state.blockConcurrencyWhile(() => this.#open())
  }

  async fetch(request: Request): Promise<Response> {
    this.#events++
    const answered = this.#desk.answer(request)
    if (answered) return answered
    const [control, visits] = [this.#control, this.#visits]
    if (!control || !visits) return this.#transfers.notYet()
    const full = this.#room.refusal(request)
    if (full) return full
    const answer = () => control.fetch(request, request.headers.get('cf-connecting-ip'))
    return new URL(request.url).pathname === '/livez' ? answer() : visits.during(answer)
  }

  async alarm(): Promise<void> {
    this.#events++
    const [control, visits] = [this.#control, this.#visits]
    if (!control || !visits) return
    this.#rings = true
    this.#alarm?.rang(Date.now())
    this.#sleep?.rang(Date.now())
    await visits.during(async () => {
      await control.turns.submit({ kind: 'alarm' })
      await control.turns.settled()
    })
    await visits.leave()
    await this.#step('alarmed')
    this.#alarm?.rearm()
    this.#rings = false
    if (this.#visitMs !== null) this.#sayVisit()
  }

  /** With the row of the alarm that it has set. */
  #sayVisit(): void {
    const taken = { ms: this.#visitMs ?? 0, events: this.#events, ...this.#storage.take() }
    this.#say('visit-ended', 'sleeps until the next event', taken)
    this.#events = 0
    this.#visitMs = null
  }

  /** Does nothing before there is a whole log. */
  async #open(): Promise<void> {
    const { storage } = this.#storage
    const keys = this.#texts.read(storedNames.keys)
    if (!this.#transfers.isWhole() || keys === null) return
    const say = this.#say
    const step = objectCrashAt(this.#environment, (why) => this.#state.abort(why))
    this.#step = step
    const fatal = (error: unknown) => {
      say('control-failed', stackOf(error))
      this.#state.abort('control has failed; the next event makes it anew')
    }
    const alarm = createObjectAlarm(storage, await storage.getAlarm(), fatal)
    const resume = alarm.wanted('resume')
    const log = crashingLog(resuming(openObjectLog(storage), resume), step)
    const monotonicMs = () => performance.now()
    const history = () =>
      createHistory({
        log,
        open: () => openObjectHistory(storage),
        remove: () => removeObjectHistory(storage),
        code: codeOf(this.#environment),
        monotonicMs,
        onDamage: (error) => say('history-damaged', stackOf(error)),
      })
    await this.#transfers.raiseEpoch(log, history)
    const sleep = createObjectSleep(alarm.wanted('pause'), Date.now)
    const http = createHttpTransport()
    const nats = natsOf(this.#environment)
    const control = await createControl({
      log,
      history: history(),
      keys: await openKeyRing(
        { writeKeys: (next) => this.#texts.write(storedNames.keys, `${JSON.stringify(next)}\n`) },
        storedKeys.parse(JSON.parse(keys)),
      ),
      transport: crashingTransport(nats?.transport ?? http, step),
      http,
      nats,
      compile: boundedCompile(createCompile(), (cluster) => this.#treesBeside(cluster)),
      explain: createExplain(() => routerWasm),
      hosts: this.#environment.SWITCHYARD_HOSTS?.split(',') ?? null,
      rates: ratesOf(this.#environment),
      warnings: this.#room.warnings,
      now: Date.now,
      monotonicMs,
      alarm: () => alarm.wanted('turn'),
      metrics: createMetrics,
      newLinkId: () => hex(crypto.getRandomValues(new Uint8Array(8))),
      onFatal: fatal,
      onFleetAhead: ({ cluster, epoch, revision }) => {
        say('fleet-ahead', 'the fleet is ahead of this log: publishing nothing', {
          cluster,
          epoch: epoch.number,
          revision,
        })
        rememberFleetEpoch(this.#texts, epoch.number)
      },
      say,
      webhooks: {
        sleep: sleep.sleep,
        secrets: createWebhookSecrets(this.#texts),
        cursors: crashingCursors(
          openCursors(this.#texts.cursors, (error) => say('webhook-cursors-lost', stackOf(error))),
          step,
        ),
      },
    })
    // So that the first look at what is stored finds it.
    await nats?.transport.presence?.hold()
    await control.start()
    this.#alarm = alarm
    this.#sleep = sleep
    this.#visits = createVisits({
      attention: control.attention,
      state: control.turns.state,
      log,
      alarm: nats ? alarm.wanted('look') : null,
      webhookAlarm: alarm.wanted('webhook'),
      onEnd: (ms) => {
        resume.set(null)
        if (!nats) return
        this.#visitMs = ms
        if (!this.#rings) this.#sayVisit()
      },
      now: Date.now,
    })
    this.#control = control
    // Whatever it was opened for, it lets go afterwards.
    void this.#visits.during(async () => {})
    say('control-started', 'the API answers', { revision: control.turns.state().position })
  }

  #treesBeside(cluster: string): readonly Tree[] {
    const clusters = this.#control?.turns.state().clusters.values() ?? []
    return [...clusters].flatMap(({ name, tree }) => (name === cluster ? [] : [tree]))
  }

  /** Until it is opened again there is no control. */
  async #close(): Promise<void> {
    const control = this.#control
    this.#control = null
    await control?.stop()
  }
}

/** Longer than most visits. */
const resumeAfterMs = 5_000

/**
 * An append takes an alarm with it, in the same write: should the object be gone before what it says is
 * published, it comes back by itself.
 */
const resuming = (log: Log, alarm: Alarm): Log => ({
  ...log,
  append(expected, text) {
    alarm.set(Date.now() + resumeAfterMs)
    return log.append(expected, text)
  },
})

/** Without a version nothing that another code has kept is believed. */
const codeOf = ({ VERSION, SWITCHYARD_CODE }: Environment): string =>
  VERSION?.id ?? SWITCHYARD_CODE ?? crypto.randomUUID()

/** As the flags of control under Node. */
const ratesOf = ({ SWITCHYARD_READ_LIMIT, SWITCHYARD_CHANGE_LIMIT }: Environment): RateLimits => ({
  reads: callsIn(SWITCHYARD_READ_LIMIT, defaultRates.reads),
  changes: callsIn(SWITCHYARD_CHANGE_LIMIT, defaultRates.changes),
})

function callsIn(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (!/^[1-9]\d{0,6}$/.test(text))
    throw new Error(`a limit of calls is a number from 1, not ${text}`)
  return Number(text)
}

/** Null without servers. Throws when the secret is missing or wrong. */
function natsOf({ SWITCHYARD_NATS: servers, SWITCHYARD_NATS_CREDENTIALS: secret }: Environment) {
  if (!servers) return null
  if (!secret) throw new Error('SWITCHYARD_NATS needs the secret SWITCHYARD_NATS_CREDENTIALS')
  const credentials = natsCredentials.parse(JSON.parse(secret))
  const transport = createNatsTransport({ servers, ...credentials.control })
  return { transport, servers: servers.split(','), credentials }
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
