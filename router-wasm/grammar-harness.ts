/**
 * The grammar's WASM for tests: compiled from `assembly/grammar.ts` when it is first asked for, in memory
 * of its own. Input lies in the middle of poison, and guards stand around the output, so that a read behind
 * the end or a write outside shows.
 */
import asc from 'assemblyscript/asc'
import type { z } from 'zod'
import { responseHeaders } from '#wire/filter.ts'
import * as at from './layout.ts'
import { policyOf, writePolicy } from './policy.ts'
import type { Router } from './router.ts'
import { dateSetting, forwardedSetting, viaSetting } from './settings.ts'
import { createImage } from './table-image.ts'
import { POLICY_BYTES_MAX } from './table-layout.ts'

interface Exports extends Pick<Router, 'response'> {
  scanRequest(start: number, end: number): number
  writeRequestHead(out: number, route: number): number
  match(): number
  scanResponse(start: number, end: number, flags: number): number
  chunk(start: number, end: number, out: number, outBytes: number, flags: number): number
  frame(start: number, end: number, out: number): number
  frameEnd(out: number): number
}

export interface Grammar extends Exports {
  readonly bytes: Buffer
  word(offset: number): number
  setWord(offset: number, value: number): void
  text(offset: number, byteCount: number): string
  /** Lays bytes down and returns their end; what lies behind them is poison. */
  lay(text: string | Uint8Array, poison?: string): number
  /** Serves a table without positions and endpoints: enough for `match` and the route's filters. */
  serve(table: Uint8Array): void
  setDate(date: string): void
  setVia(pseudonym: string): void
  setClient(address: string): void
  clearSettings(): void
  /** Throws when a byte around the output has changed since `guard`. */
  guard(): void
  checkGuard(): void
}

export const input = at.REGIONS
/** 1 MiB of input; then the output between two guards. */
export const inputBytes = 0x100000
const guardBytes = 0x1000
export const output = input + inputBytes + guardBytes
export const outputBytes = at.OUT_HEAD_BYTES_MAX
const table = output + outputBytes + guardBytes
const tableBytesMax = 0x100000
const pages = (table + tableBytesMax) / 65536 + 1
const guardByte = 0xa7

let compiled: Promise<Uint8Array<ArrayBuffer>> | undefined

async function compile(): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array<ArrayBuffer> | undefined
  const options = [
    'router-wasm/assembly/grammar.ts', '--outFile', 'grammar.wasm', '--optimizeLevel', '3',
    '--runtime', 'stub', '--importMemory', '--initialMemory', '0', '--memoryBase', `${at.STATIC_DATA}`,
    '--enable', 'simd', '--enable', 'bulk-memory', '--disableWarning',
  ] // biome-ignore format: a command line
  const { error, stderr } = await asc.main(options, {
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') binary = new Uint8Array(contents)
    },
  })
  if (error || !binary) throw new Error(`grammar does not compile: ${stderr}`, { cause: error })
  return binary
}

/** Lays the policy of a route that changes responses where the host does; returns its place. */
export function layPolicy(grammar: Grammar, changes: z.input<typeof responseHeaders>): number {
  const policy = policyOf({ responseHeaders: responseHeaders.parse(changes) })
  const image = createImage(POLICY_BYTES_MAX)
  writePolicy(image, policy!)
  const bytes = image.bytes()
  if (bytes === null) throw new Error('the policy is too large')
  grammar.bytes.set(bytes, at.SCRATCH)
  return at.SCRATCH
}

export async function loadGrammar(): Promise<Grammar> {
  compiled ??= compile()
  const memory = new WebAssembly.Memory({ initial: Math.ceil(pages), maximum: Math.ceil(pages) })
  const abort = (_message: number, _file: number, line: number, column: number) => {
    throw new Error(`assertion in the grammar at ${line}:${column}`)
  }
  const { instance } = await WebAssembly.instantiate(await compiled, { env: { memory, abort } })
  const exports = instance.exports as unknown as Exports
  const bytes = Buffer.from(memory.buffer)
  const words = new Int32Array(memory.buffer)

  return {
    ...exports,
    bytes,
    word: (offset) => words[offset >> 2]!,
    setWord: (offset, value) => {
      words[offset >> 2] = value
    },
    text: (offset, byteCount) => bytes.toString('latin1', offset, offset + byteCount),
    lay(text, poison = 'A') {
      const data = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
      bytes.set(data, input)
      const end = input + data.length
      for (let i = 0; i < 64; i++) bytes[end + i] = poison.charCodeAt(i % poison.length)
      return end
    },
    serve(image) {
      if (image.length > tableBytesMax) throw new Error('the table is too large for this harness')
      bytes.set(image, table)
      words[(at.SIDES + at.SIDE_TABLE) >> 2] = table
      words[at.SERVED >> 2] = at.SIDES
    },
    setDate: (date) => bytes.set(dateSetting(date), at.SETTING_DATE),
    setVia: (pseudonym) => bytes.set(viaSetting(pseudonym), at.SETTING_VIA),
    setClient: (address) =>
      bytes.set(
        forwardedSetting({ address, port: 40000, localPort: 8080, tls: false }),
        at.SETTING_FORWARDED,
      ),
    clearSettings() {
      for (const setting of [at.SETTING_DATE, at.SETTING_VIA, at.SETTING_FORWARDED]) {
        bytes.writeInt32LE(0, setting)
      }
    },
    guard() {
      bytes.fill(guardByte, output - guardBytes, output)
      bytes.fill(guardByte, output + outputBytes, output + outputBytes + guardBytes)
    },
    checkGuard() {
      for (let i = 1; i <= guardBytes; i++) {
        if (bytes[output - i] !== guardByte) throw new Error(`wrote ${i} bytes before the output`)
        if (bytes[output + outputBytes + i - 1] !== guardByte) {
          throw new Error(`wrote ${i} bytes behind the output`)
        }
      }
    },
  }
}
