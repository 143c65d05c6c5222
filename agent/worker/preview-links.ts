/**
 * Preview links at a worker (docs/preview.md): a token in the query becomes a cookie, a cookie leads to its
 * candidate, and what is forged, expired or gone is answered 503: never with production.
 *
 *   request ─▶ PREVIEW_LINK ─▶ verify ─┬─ in the query of a GET ─▶ 302 to the same without it, Set-Cookie
 *                                      ├─ valid ─▶ token taken out of the head ─▶ requestFor(app, release)
 *                                      └─ not   ─▶ 503; an empty one in the query clears the cookie
 *
 * Not on the hot path: only requests with a token come here. Verifying one costs about 100 µs, so what was
 * verified is kept, and a worker verifies so many a second at most.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  LINK_IN_QUERY,
  PREVIEW_LINK,
  REQ_FLAG_HEAD,
  REQ_FLAGS,
  REQ_HEAD_BYTES,
  REQ_METHOD_BYTES,
  REQ_METHOD_OFFSET,
  REQ_PATH_BYTES,
  REQ_PATH_OFFSET,
  REQ_QUERY_BYTES,
  REQ_QUERY_OFFSET,
  REQUEST,
  VERDICT,
  VERDICT_LINK,
  VERDICT_LINK_AROUND,
  VERDICT_LINK_AROUND_END,
  VERDICT_LINK_NAME,
  VERDICT_LINK_TOKEN,
  VERDICT_LINK_TOKEN_END,
  VERDICT_SLOT,
} from '#router/layout.ts'
import type { Router } from '#router/router.ts'
import {
  type PreviewLink,
  parsePreviewLink,
  previewName,
  previewTokenChars,
  readPreviewToken,
} from '#wire/preview-link.ts'
import { keyIdOf } from '#wire/signature.ts'
import type { ControlKeysFile } from '../link.ts'

export interface PreviewLinks {
  /** After `request` returned PREVIEW_LINK for the head at `start`. */
  take(start: number, end: number, out: number): Taken
}

/** Either where the request now starts and the bytes of its head, or what to answer. */
export type Taken =
  | { readonly kind: 'routed'; readonly start: number; readonly used: number }
  | {
      readonly kind: 'answer'
      /** Where the head ended that came: the one that was scanned last may be shorter. */
      readonly next: number
      readonly status: number
      readonly fields?: readonly string[]
      readonly text?: string
    }

export interface PreviewLinksOptions {
  readonly router: Router
  /** `control-keys.json` of the state folder. */
  readonly keysFile: string
  readonly nowMs: () => number
}

const keptMax = 1_024
const verificationsPerSecond = 200
/** Copies of the token that one head may carry. */
const copiesMax = 4
const decoder = new TextDecoder('latin1')

export function createPreviewLinks({ router, keysFile, nowMs }: PreviewLinksOptions): PreviewLinks {
  const { memory, words } = router
  const kept = new Map<string, Verified>()
  const keys = createKeys(keysFile, nowMs)
  let second = 0
  let verified = 0

  /** Null: not signed by control, or too many are being tried. */
  function linkOf(text: string): PreviewLink | null {
    const held = kept.get(text)
    // What a key has signed counts as long as the key does.
    if (held) return keys.of(held.keyId) ? held.link : null
    const token = text.length <= previewTokenChars ? readPreviewToken(text) : null
    // Unknown keys cost nothing, so they use nothing up.
    const key = token && keys.of(token.keyId)
    if (!key) return null
    const now = Math.floor(nowMs() / 1_000)
    if (now !== second) verified = 0
    second = now
    if (++verified > verificationsPerSecond) return null
    if (!verify(null, token.payload, key, token.signature)) return null
    const link = parsePreviewLink(token.payload)
    if (!link) return null
    if (kept.size >= keptMax) kept.delete(kept.keys().next().value!)
    kept.set(text, { link, keyId: token.keyId })
    return link
  }

  const verdict = (word: number) => words[(VERDICT + word) >> 2]!
  const request = (word: number) => words[(REQUEST + word) >> 2]!
  const text = (offset: number, bytes: number) =>
    decoder.decode(memory.subarray(offset, offset + bytes))
  const placeOf = (): LinkPlace => ({
    inQuery: verdict(VERDICT_LINK) === LINK_IN_QUERY,
    name: verdict(VERDICT_LINK_NAME),
    token: verdict(VERDICT_LINK_TOKEN),
    tokenEnd: verdict(VERDICT_LINK_TOKEN_END),
    around: verdict(VERDICT_LINK_AROUND),
    aroundEnd: verdict(VERDICT_LINK_AROUND_END),
  })
  const isGet = () => text(request(REQ_METHOD_OFFSET), request(REQ_METHOD_BYTES)) === 'GET'
  const isHead = () => (request(REQ_FLAGS) & REQ_FLAG_HEAD) !== 0

  /** The same address without the token; never one of another host. */
  function location(): string {
    const path = text(request(REQ_PATH_OFFSET), request(REQ_PATH_BYTES)).replace(/^\/+/, '/')
    const query = text(request(REQ_QUERY_OFFSET), request(REQ_QUERY_BYTES))
    return path + withoutParameter(query)
  }

  function redirect(next: number, to: string, cookie: string, maxAgeSeconds: number): Taken {
    const attributes = `Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}`
    const fields = [`Location: ${to}`, `Set-Cookie: ${previewName}=${cookie}; ${attributes}`]
    return { kind: 'answer', next, status: 302, fields }
  }

  const gone = (next: number): Taken => ({
    kind: 'answer',
    next,
    status: 503,
    text: `this preview link is not valid, has expired, or its preview is gone; /?${previewName}= leaves it`,
  })

  /** Takes every copy of the token out, so that no backend sees it. `next` is behind the head that came. */
  function routed(from: number, next: number, end: number, out: number, link: PreviewLink): Taken {
    let start = from
    for (let copy = 0; copy < copiesMax; copy++) {
      const { from: cutFrom, to: cutTo } = cutOf(memory, placeOf())
      // What stands in front moves up over the gap: nothing behind it moves.
      memory.copyWithin(start + (cutTo - cutFrom), start, cutFrom)
      start += cutTo - cutFrom
      const used = router.requestFor(start, end, out, link.app, link.release)
      if (used > 0) return { kind: 'routed', start, used }
      if (used === PREVIEW_LINK) continue
      return used === -503 ? gone(next) : { kind: 'answer', next, status: -used }
    }
    return gone(next)
  }

  return {
    take(start, end, out) {
      const next = start + request(REQ_HEAD_BYTES)
      const { inQuery, token, tokenEnd } = placeOf()
      const carried = text(token, tokenEnd - token).trim()
      const to = inQuery && (isGet() || isHead()) ? location() : null
      if (carried === '') return to === null ? gone(next) : redirect(next, to, '', 0)
      const link = linkOf(carried)
      const leftMs = link ? link.expiresAtMs - nowMs() : 0
      if (!link || leftMs <= 0) return gone(next)
      const taken = routed(start, next, end, out, link)
      if (to === null || taken.kind === 'answer') return taken
      // Only what leads somewhere becomes a cookie: another would shut the whole host for this browser.
      router.release(verdict(VERDICT_SLOT))
      return redirect(next, to, carried, Math.ceil(leftMs / 1_000))
    },
  }
}

interface Verified {
  readonly link: PreviewLink
  readonly keyId: string
}

interface Keys {
  of(keyId: string): KeyObject | undefined
}

const rereadMs = 1_000
const missedMs = 10

/** Read again when it is older than a second, or at once for a key that is new: keys are rotated. */
function createKeys(file: string, nowMs: () => number): Keys {
  let keys = new Map<string, KeyObject>()
  let readAtMs = Number.NEGATIVE_INFINITY
  function read(): void {
    readAtMs = nowMs()
    try {
      const { publicKeys } = JSON.parse(readFileSync(file, 'utf8')) as ControlKeysFile
      keys = new Map(publicKeys.map((text) => [keyIdOf(text), publicKeyOf(text)]))
    } catch {
      // Not enrolled yet, or damaged: no link can be believed.
      keys = new Map()
    }
  }
  return {
    of(keyId) {
      // A key that was retired must stop to count as well.
      const ageMs = nowMs() - readAtMs
      if (ageMs >= rereadMs || (ageMs >= missedMs && !keys.has(keyId))) read()
      return keys.get(keyId)
    },
  }
}

const publicKeyOf = (text: string): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: text }, format: 'jwk' })

/** What of the head goes with the token: its parameter or cookie and one separator, or the whole field. */
function cutOf(memory: Uint8Array, place: LinkPlace): { from: number; to: number } {
  const { inQuery, name, tokenEnd, around, aroundEnd } = place
  const isGap = (at: number) => separators.has(memory[at]!)
  let from = name
  let to = tokenEnd
  if (to < aroundEnd) {
    to++
    while (!inQuery && to < aroundEnd && isGap(to)) to++
  } else if (inQuery) from--
  else if (from > around) while (from > around && isGap(from - 1)) from--
  else {
    while (memory[from - 1] !== lineFeed) from--
    while (memory[to - 1] !== lineFeed) to++
  }
  return { from, to }
}

interface LinkPlace {
  readonly inQuery: boolean
  readonly name: number
  readonly token: number
  readonly tokenEnd: number
  readonly around: number
  readonly aroundEnd: number
}

const lineFeed = 0x0a
/** `;`, space, tab. */
const separators: ReadonlySet<number> = new Set([0x3b, 0x20, 0x09])

/** The query, with its `?`, without every parameter of the name. */
function withoutParameter(query: string): string {
  const kept = query
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && !pair.startsWith(`${previewName}=`))
  return kept.length > 0 ? `?${kept.join('&')}` : ''
}
