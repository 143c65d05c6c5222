/**
 * `explain` as control and the agent's admin port give it: the reference supplies the trace, the router's
 * WASM the verdict on a real request head, and a disagreement is an error (a bug), never an answer.
 */
import type { SnapshotObject } from '#wire/object.ts'
import { encodeTable } from './encode.ts'
import * as at from './layout.ts'
import { planTable } from './plan.ts'
import { type Explanation, explain, type PlainRequest } from './reference.ts'
import { createRouter, type Router, type RouterOptions } from './router.ts'

export type Explained =
  | { readonly ok: true; readonly explanation: Explanation }
  /** The request is not one that HTTP allows: the status that the router answers it with. */
  | { readonly ok: false; readonly code: 'refused'; readonly status: number }
  /** It carries a preview link: the agent verifies it, and answers from its release or with 503. */
  | { readonly ok: false; readonly code: 'preview-link' }
  /** The objects do not compile. */
  | { readonly ok: false; readonly code: 'does-not-compile'; readonly reason: string }

export interface Explainer {
  /** Compiles anew only when it gets another array of objects. Throws when the two disagree. */
  explain(objects: readonly SnapshotObject[], request: PlainRequest): Explained
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('latin1')

export function createExplainer(wasm: RouterOptions['wasm']): Explainer {
  const module =
    wasm instanceof WebAssembly.Module ? wasm : new WebAssembly.Module(wasm as BufferSource)
  let loaded: Loaded | null = null

  return {
    explain(objects, request) {
      if (loaded?.objects !== objects) {
        loaded = null
        const outcome = load(module, objects)
        if (typeof outcome === 'string') {
          return { ok: false, code: 'does-not-compile', reason: outcome }
        }
        loaded = outcome
      }
      const explanation = explain(objects, request)
      const head = headOf(request)
      if (head === null) return { ok: false, code: 'refused', status: 400 }
      const verdict = ask(loaded.router, head, explanation)
      if (verdict.status === -at.PREVIEW_LINK) return { ok: false, code: 'preview-link' }
      const routed = [200, 404, 503].includes(verdict.status)
      if (!routed || (explanation.status === 400 && verdict.status !== 200)) {
        return { ok: false, code: 'refused', status: verdict.status }
      }
      const fault = disagreement(explanation, verdict, loaded.keys)
      if (fault !== null) throw new Error(`the router and the reference disagree: ${fault}`)
      return { ok: true, explanation }
    },
  }
}

interface Loaded {
  readonly objects: readonly SnapshotObject[]
  readonly router: Router
  /** Of the routes, by their numbers in the table. */
  readonly keys: readonly string[]
}

/** A router of their own for these objects; or why there is none. */
function load(module: WebAssembly.Module, objects: readonly SnapshotObject[]): Loaded | string {
  const planned = planTable(objects)
  if (!planned.ok) return `${planned.key}: ${planned.reason}`
  const bytes = encodeTable(planned.plan)
  if (bytes === null) return 'the table would be too large'
  const router = createRouter({ wasm: module, zones: 3, tableBytes: bytes.length })
  const refused = router.loadTable(bytes)
  if (refused !== null) throw new Error(refused)
  router.setPositions(objects.filter((object) => object.kind === 'position'))
  return { objects, router, keys: planned.plan.routes.map(({ key }) => key) }
}

interface Verdict {
  readonly status: number
  readonly route: number
  readonly release: string | null
  readonly prefixBytes: number
  readonly head: string
}

/** The request's head, or null when its parts could be taken for something else. */
function headOf({ method, host, path, headers }: PlainRequest): Uint8Array | null {
  const lines = headers.map(({ name, value }) => `${name}: ${value}\r\n`).join('')
  const words = /^[!-~]+$/.test(method) && /^\/[!-~]*$/.test(path) && /^[!-~]*$/.test(host)
  const fields = headers.every(({ name, value }) => /^[^\s:]+$/.test(name) && !/[\r\n]/.test(value))
  const text = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`
  return words && fields && text.length <= at.HEAD_BYTES_MAX ? encoder.encode(text) : null
}

/** Runs the head through the one call; each release of the expected answer gets an endpoint that is never dialled. */
function ask(router: Router, head: Uint8Array, { destination }: Explanation): Verdict {
  const releases = destination?.releases ?? []
  for (const { release } of releases) {
    router.setEndpoints(release, [{ address: '127.0.0.1', port: 1 }])
  }
  const start = router.zone(0)
  const out = router.zone(1)
  router.memory.set(head, start)
  const consumed = router.request(start, start + head.length, out)
  const word = (offset: number) => router.words[(at.VERDICT + offset) >> 2]!
  const backend = word(at.VERDICT_BACKEND)
  const slot = word(at.VERDICT_SLOT)
  if (slot >= 0) router.release(slot)
  for (const { release } of releases) router.setEndpoints(release, [])
  return {
    status: consumed > 0 ? 200 : -consumed || 400,
    route: word(at.VERDICT_ROUTE),
    release: backend < 0 ? null : router.releaseOf(backend),
    prefixBytes: word(at.VERDICT_PREFIX_BYTES),
    head: decoder.decode(router.memory.slice(out, out + word(at.VERDICT_OUT_BYTES))),
  }
}

/** What differs, or null. */
function disagreement(
  { status, destination }: Explanation,
  verdict: Verdict,
  keys: readonly string[],
): string | null {
  if (status !== verdict.status) return `status ${status} and ${verdict.status}`
  if (!destination) return null
  const route = keys[verdict.route]
  if (route !== destination.route) return `routes ${destination.route} and ${route}`
  if (verdict.prefixBytes !== destination.prefixBytes) {
    return `prefixes of ${destination.prefixBytes} and ${verdict.prefixBytes} bytes`
  }
  if (status !== 200) return null
  if (!destination.releases.some(({ release }) => release === verdict.release)) {
    return `releases ${destination.releases.map(({ release }) => release)} and ${verdict.release}`
  }
  const [line = '', host = ''] = verdict.head.split('\r\n')
  const target = line.split(' ')[1]
  if (target !== destination.target) return `targets ${destination.target} and ${target}`
  return host === `Host: ${destination.host}` ? null : `hosts ${destination.host} and ${host}`
}
