/**
 * The router as the host sees it: one WASM instance with fixed memory. The host puts bytes in, gets
 * integers out, and reads no HTTP. Everything named (apps, releases) is translated to table numbers here.
 */

/** Sizes of the regions that the host places; unused pages cost no memory. */
export interface RouterOptions {
  /** Compiled `router.wasm`: bytes in Node, a module on Workers. */
  readonly wasm: Uint8Array | WebAssembly.Module
  readonly tableBytes?: number
  /** Landing, output and spare zones, 64 KiB each. */
  readonly zones?: number
}

/** Everything below is to be implemented by `createRouter(options): Router`. */
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
  /** Ready endpoints by release, read back from memory. */
  endpointCounts(): Record<string, number>

  /** Release id of a backend number in the served table; endpoint of a slot. */
  releaseOf(backend: number): string
  endpointOf(slot: number): EndpointInput

  /** Strings for the heads that the router writes: `Date` once a second, others at start. */
  setDate(httpDate: string): void
  setVia(pseudonym: string): void
  /** Where the connection comes from, written into SETTINGS before `request` on that connection. */
  setClient(client: ClientInput): void

  /**
   * The one call: scans, validates, matches, places, selects and writes the canonical head to `out`.
   * `start`…`end` are byte offsets in memory. Returns head bytes consumed (> 0), 0 when the head is not
   * complete, or a negative HTTP status to answer with (-400, -404, -431, -503 …) and close unless the
   * verdict says otherwise. REQUEST and VERDICT words hold the rest.
   */
  request(start: number, end: number, out: number): number
  /** Chooses another endpoint of the same backend, not `slot`, and re-uses the head. -1 when none. */
  reselect(backend: number, slot: number): number
  /** Ends what `request` or `reselect` began on a slot: in-flight counts for least request. */
  release(slot: number): void
  /** Scans a response head and writes the canonical one. `flags` are REQ_FLAG_* of its request, `minor` its version. */
  response(start: number, end: number, out: number, flags: number, minor: number): number
}

export interface PositionInput {
  readonly app: string
  readonly generation: number
  readonly weights: readonly { readonly release: string; readonly weight: number }[]
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
