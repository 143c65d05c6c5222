/**
 * The router's WASM with the loops of `assembly/match-loop.ts`, a table, and requests as bytes in its
 * memory: method, path and host of each, one request behind the other.
 */
import { instantiateSync } from '@assemblyscript/loader'
import asc from 'assemblyscript/asc'
import * as at from '#router/layout.ts'
import type { Contender, Request } from './peers.ts'

interface Exports extends Record<string, unknown> {
  verify(start: number, bytes: number): number
  matchOne(record: number): number
  matchAll(records: number, count: number): number
}

const entry = 'router-wasm/assembly/match-loop.ts'

/** With the options of the router's own build. */
export async function buildWasm(): Promise<WebAssembly.Module> {
  let binary: Uint8Array<ArrayBuffer> | undefined
  const { error, stderr } = await asc.main(['--config', 'router-wasm/asconfig.json', entry], {
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') binary = new Uint8Array(contents)
    },
  })
  if (error || !binary) throw new Error(`does not compile: ${stderr.toString()}`, { cause: error })
  return new WebAssembly.Module(binary)
}

export interface WasmContenders {
  /** One call for all requests. */
  readonly inside: Contender
  /** One call from JavaScript for each request. */
  readonly called: Contender
}

const recordBytes = 24
const requestBytes = 128

/** `table` is verified and served. */
export function createWasmContenders(
  module: WebAssembly.Module,
  table: Uint8Array,
  requests: readonly Request[],
): WasmContenders {
  const align = (offset: number) => (offset + 63) & ~63
  const tableAt = at.REGIONS
  const records = align(tableAt + table.length)
  const texts = align(records + requests.length * recordBytes)
  const pages = Math.ceil((texts + requests.length * requestBytes) / 65536) + 1
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { exports } = instantiateSync<Exports>(module, { env: { memory } })
  const view = Buffer.from(memory.buffer)
  const words = new Int32Array(memory.buffer)
  view.set(table, tableAt)
  if (exports.verify(tableAt, table.length) !== 0) throw new Error('the table is refused')
  words[(at.SIDES + at.SIDE_TABLE) >> 2] = tableAt
  words[at.SERVED >> 2] = at.SIDES

  let end = texts
  const lay = (text: string): readonly [number, number] => {
    const start = end
    end += view.write(text, start, 'latin1')
    return [start, text.length]
  }
  requests.forEach(({ method, path, host }, n) => {
    const start = end
    words.set([...lay(method), ...lay(path), ...lay(host)], (records + n * recordBytes) >> 2)
    if (end - start > requestBytes) throw new Error(`${path} is too long for this benchmark`)
  })

  const count = requests.length
  return {
    inside: {
      name: 'switchyard, a loop inside WASM',
      answer: (n) => exports.matchOne(records + n * recordBytes),
      run: () => exports.matchAll(records, count),
    },
    called: {
      name: 'switchyard, one call from JavaScript',
      answer: (n) => exports.matchOne(records + n * recordBytes),
      run() {
        const { matchOne } = exports
        const stop = records + count * recordBytes
        let sum = 0
        for (let record = records; record < stop; record += recordBytes) sum += matchOne(record)
        return sum | 0
      },
    },
  }
}
