/**
 * The router as the host sees it: one WASM instance with fixed memory. The host puts bytes in, gets
 * integers out, and reads no HTTP. Everything named (apps, releases) is translated to table numbers here.
 */

import { instantiateSync } from '@assemblyscript/loader'
import { limits } from '#wire/limits.ts'
import type { Split } from '#wire/object.ts'
import { createBackendNumbers } from './backend-numbers.ts'
import { createEndpointLists, listBytesMax } from './endpoint-lists.ts'
import * as at from './layout.ts'
import { createPolicies, type RoutePolicy } from './policies.ts'
import { dateSetting, forwardedSetting, viaSetting } from './settings.ts'
import { createSides } from './sides.ts'
import { createSlots } from './slots.ts'

/** Sizes of the regions that the host places; unused pages cost no memory. */
export interface RouterOptions {
  /** Compiled `router.wasm`: bytes in Node, a module on Workers. */
  readonly wasm: Uint8Array | WebAssembly.Module
  /** Of each of the two tables. Default: `limits.tableBytes`. */
  readonly tableBytes?: number
  /** Landing, output and spare zones, 64 KiB each and adjacent. Default: 8. */
  readonly zones?: number
}

export interface Router {
  /** The whole memory; never detaches. */
  readonly memory: Uint8Array
  readonly words: Int32Array

  /** Byte offset of zone `n`, each `zoneBytes` long. */
  zone(n: number): number
  readonly zoneBytes: number
  readonly zoneCount: number

  /** Verifies table bytes into the idle region and flips to it with positions and endpoints re-applied by name. Returns null, or why it was refused (nothing has changed then). */
  loadTable(bytes: Uint8Array): string | null
  /** The served table's bytes, straight from memory: for the digest. */
  tableBytes(): Uint8Array
  /** Applies positions of known apps; unknown ones are kept and applied when a table names them. */
  setPositions(positions: readonly PositionInput[]): void
  /** Generations by app, read back from memory. */
  positions(): Record<string, number>
  setEndpoints(release: string, endpoints: readonly EndpointInput[]): void
  /** Ready endpoints by release, read back from memory: of all that have some, or of each of these. */
  endpointCounts(releases?: Iterable<string>): Record<string, number>

  /** Release id of a backend number, in whichever table it was given; endpoint of a slot in use. */
  releaseOf(backend: number): string
  endpointOf(slot: number): EndpointInput

  /** Strings for the heads that the router writes: `Date` once a second, others at start. */
  setDate(httpDate: string): void
  setVia(pseudonym: string): void
  /** Where the connection comes from, written into SETTINGS before `request` on that connection. */
  setClient(client: ClientInput): void

  /**
   * The one call: scans, validates, matches, places, selects and writes the canonical head to `out`
   * (at most OUT_HEAD_BYTES_MAX bytes; VERDICT_OUT_BYTES says how many). `start`…`end` are byte offsets in
   * memory. Returns head bytes consumed (> 0), 0 when the head is not complete (call again with more
   * bytes from the same beginning; a head beyond the limits never returns 0), or a negative HTTP status
   * to answer with: -204 (`OPTIONS *`), -400, -404, -405, -414, -417, -431, -500, -501, -503, -505, -508.
   * PREVIEW_LINK when it carries one: VERDICT_LINK words say where its token is.
   * After an answer the connection closes unless REQ_MAY_CONTINUE is 1; then the next request starts
   * REQ_HEAD_BYTES after `start`. REQUEST and VERDICT words hold the rest. Nothing in the written head
   * depends on the endpoint: the same bytes serve a retry on another one.
   */
  request(start: number, end: number, out: number): number
  /** The policy at VERDICT_POLICY, right after `request`: good for as long as it is kept. */
  policy(offset: number): RoutePolicy
  /**
   * The same for a request whose preview link was verified and taken out of its bytes: `release` answers it,
   * or nobody does (-503): when it is not of the route's app, takes no links any more, or has no endpoint.
   */
  requestFor(start: number, end: number, out: number, app: string, release: string): number
  /** Chooses another endpoint of the same backend, not `slot`, and re-uses the head. -1 when none. */
  reselect(backend: number, slot: number): number
  /** Ends what `request` or `reselect` began on a slot: in-flight counts for least request. */
  release(slot: number): void
  /**
   * Scans a response head and writes the canonical one to `out` (at most OUT_HEAD_BYTES_MAX bytes).
   * `flags` are the REQ_FLAGS of its request (clear REQ_FLAG_KEEP_ALIVE to make the response say `close`,
   * for example when draining), `minor` its REQ_MINOR. Returns head bytes consumed, 0 when the head is
   * not complete, or -502 when it is not valid: nothing of that connection may be used. RESPONSE words
   * hold status, framing on both sides and flags. An interim response (RES_FLAG_INTERIM) is followed by
   * another head. `policy` is what `layPolicy` returned just before, or 0.
   */
  response(
    start: number,
    end: number,
    out: number,
    flags: number,
    minor: number,
    policy: number,
  ): number
  /** Lays down how the next response's head changes. */
  layPolicy(response: Uint8Array): number
  /**
   * Decodes bytes of a chunked body and writes them to `out` in our own chunks (one chunk a call, and the
   * last one where the message ends), or as plain payload with CHUNK_FLAG_PLAIN. `state` is
   * CHUNK_STATE_WORDS long, zero at the start of a body, kept by the caller. Writes at most `outBytes`
   * (at least 64) and at most the bytes consumed + CHUNK_OUT_EXTRA_BYTES. Returns bytes consumed: less
   * than `end - start` only when the message has ended (CHUNK_ENDED) or the output is full; or -400 when
   * the body is not valid: abort both sides. `out` must not overlap `start`…`end`.
   */
  chunk(
    state: Int32Array,
    start: number,
    end: number,
    out: number,
    outBytes: number,
    flags: number,
  ): number
  /** Writes `start`…`end` as one chunk to `out` (up to 12 bytes more); 0 bytes when it is empty. Returns bytes written. */
  frame(start: number, end: number, out: number): number
  /** Writes the chunk that ends a message. Returns its bytes: 5. */
  frameEnd(out: number): number
}

export interface PositionInput {
  readonly app: string
  readonly generation: number
  readonly weights: readonly { readonly release: string; readonly weight: number }[]
  /** How users are split over several weights; left out: by turns. */
  readonly split?: Split | undefined
}

export interface EndpointInput {
  readonly address: string
  readonly port: number
}

export interface ClientInput {
  readonly address: string
  readonly port: number
  readonly localPort: number
  readonly tls: boolean
}

interface Exports extends Record<string, unknown> {
  verify(start: number, bytes: number): number
  request(start: number, end: number, out: number): number
  requestFor(start: number, end: number, out: number, app: number, backend: number): number
  reselect(backend: number, slot: number): number
  release(slot: number): void
  response: Router['response']
  chunk(start: number, end: number, out: number, outBytes: number, flags: number): number
  frame(start: number, end: number, out: number): number
  frameEnd(out: number): number
}

const pageBytes = 65536
const zoneBytes = 65536

/** One instance in memory of its own: about 70 MB of addresses, of which only touched pages cost memory. */
export function createRouter(options: RouterOptions): Router {
  const zoneCount = options.zones ?? 8
  const tableBytes = options.tableBytes ?? limits.tableBytes
  let end = at.REGIONS
  const place = (bytes: number): number => {
    const offset = end
    end += Math.ceil(bytes / pageBytes) * pageBytes
    return offset
  }
  const side = () => ({
    table: place(tableBytes),
    positions: place(at.APP_COUNT_MAX * at.POSITION_BYTES),
    backends: place(at.BACKEND_COUNT_MAX * 4),
  })
  const regions = [side(), side()]
  const listRegion = place(listBytesMax)
  const zones = place(zoneCount * zoneBytes)
  place(at.READ_SLACK_BYTES)

  const pages = end / pageBytes
  const wasmMemory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const source = options.wasm as WebAssembly.Module | BufferSource
  const { exports } = instantiateSync<Exports>(source, { env: { memory: wasmMemory } })
  const memory = new Uint8Array(wasmMemory.buffer)
  const words = new Int32Array(wasmMemory.buffer)

  const slots = createSlots(words)
  const lists = createEndpointLists(words, listRegion, slots)
  const numbers = createBackendNumbers((release) => {
    const backend = numbers.known(release)
    return sides.names(release) || (backend !== undefined && lists.count(backend) > 0)
  })
  const { verify } = exports
  const sides = createSides({ memory, words, regions, tableBytes, verify, numbers })
  const policies = createPolicies(memory, words)
  const forwarded = new WeakMap<ClientInput, Uint8Array>()
  const chunkState = words.subarray(at.CHUNK >> 2, (at.CHUNK >> 2) + at.CHUNK_STATE_WORDS)

  return {
    memory,
    words,
    zoneBytes,
    zoneCount,
    zone(n) {
      if (n < 0 || n >= zoneCount) throw new RangeError(`there is no zone ${n}`)
      return zones + n * zoneBytes
    },
    loadTable(bytes) {
      const refused = sides.load(bytes)
      // Each side has its own place, but a third table lies where the first one lay.
      if (refused === null) policies.forget()
      return refused
    },
    tableBytes: sides.tableBytes,
    setPositions: sides.setPositions,
    positions: sides.positions,
    setEndpoints(release, endpoints) {
      if (endpoints.length === 0 && numbers.known(release) === undefined) return
      lists.set(numbers.numberOf(release), endpoints)
    },
    endpointCounts(releases = Array.from(lists.backends(), numbers.releaseOf)) {
      const counts: Record<string, number> = {}
      for (const release of releases) {
        const backend = numbers.known(release)
        counts[release] = backend === undefined ? 0 : lists.count(backend)
      }
      return counts
    },
    releaseOf: numbers.releaseOf,
    endpointOf: slots.endpointOf,
    setDate: (httpDate) => memory.set(dateSetting(httpDate), at.SETTING_DATE),
    setVia: (pseudonym) => memory.set(viaSetting(pseudonym), at.SETTING_VIA),
    setClient(client) {
      let bytes = forwarded.get(client)
      if (!bytes) {
        bytes = forwardedSetting(client)
        forwarded.set(client, bytes)
      }
      memory.set(bytes, at.SETTING_FORWARDED)
    },
    request: exports.request,
    policy: policies.at,
    requestFor(start, end, out, app, release) {
      const backend = sides.linked(release) ? (numbers.known(release) ?? -1) : -1
      const number = sides.appNumber(app)
      return number < 0 || backend < 0 ? -503 : exports.requestFor(start, end, out, number, backend)
    },
    reselect: exports.reselect,
    release: exports.release,
    response: exports.response,
    layPolicy: policies.lay,
    chunk(state, start, end, out, outBytes, flags) {
      chunkState.set(state)
      const consumed = exports.chunk(start, end, out, outBytes, flags)
      state.set(chunkState)
      return consumed
    },
    frame: exports.frame,
    frameEnd: exports.frameEnd,
  }
}
