/**
 * The gate: bytes that claim to be an announcement, in; a header that control has signed for this
 * cluster and that is not behind what is held, or a refusal code, out. Nothing is decoded before its
 * size is known, and nothing of the header before its signature is verified.
 */
import type { RefusalCode } from '#wire/codes.ts'
import {
  type Announcement,
  announcement,
  type Header,
  header as headerSchema,
  precedence,
} from '#wire/header.ts'
import { limits } from '#wire/limits.ts'
import { open, type PinnedKeys, type Sealed, sealed } from '#wire/signature.ts'

export interface Trust {
  readonly cluster: string
  /** Of control, as they are pinned now. */
  readonly keys: () => PinnedKeys
  readonly formats: readonly number[]
}

/** What an agent has: a header that comes must not be behind it. */
export type HeldVersion = Pick<Header, 'epoch' | 'revision' | 'digest'>

export interface Admitted {
  readonly ok: true
  /** `same`: what is held already, once more. */
  readonly precedence: 'newer' | 'same'
  readonly header: Header
  readonly sealed: Sealed
  readonly announcement: Announcement
}

export interface Refused {
  readonly ok: false
  readonly code: RefusalCode
  readonly revision: number | null
  readonly reason: string
}

export async function admit(
  bytes: Uint8Array,
  held: HeldVersion | null,
  trust: Trust,
): Promise<Admitted | Refused> {
  if (bytes.length > limits.announcementBytes) {
    return refuse('oversize', null, `${bytes.length} of ${limits.announcementBytes} bytes`)
  }
  const envelope = decode(bytes)
  const seal = sealed.safeParse(envelope === null ? undefined : Reflect.get(envelope, 'header'))
  if (!seal.success) return refuse('malformed', null, 'there is no sealed header')

  const header = await verify(seal.data, trust)
  if ('ok' in header) return header
  const version = `revision ${header.revision} of epoch ${header.epoch.number}`

  if (header.cluster !== trust.cluster) {
    return refuse('foreign-cluster', header.revision, `it is for ${header.cluster}`)
  }
  const order = held ? precedence(header, held) : 'newer'
  if (order === 'older') {
    const here = `revision ${held!.revision} of epoch ${held!.epoch.number}`
    return refuse('older', header.revision, `${version}, but ${here} is held`)
  }
  if (order === 'fork') {
    return refuse('fork', header.revision, `${version} has another history than the held one`)
  }
  if (!trust.formats.includes(header.format)) {
    return refuse('future-format', header.revision, `content format ${header.format}`)
  }
  const whole = announcement.safeParse(envelope)
  if (!whole.success) {
    return refuse('malformed', header.revision, whole.error.issues[0]?.message ?? 'changes')
  }
  return {
    ok: true,
    precedence: order,
    header,
    sealed: seal.data,
    announcement: whole.data,
  }
}

/** The header inside a seal: signature first. Also how a stored header is believed at start. */
export async function verify(message: Sealed, trust: Trust): Promise<Header | Refused> {
  const opened = await open(message, trust.keys()).catch(() => ({ refused: 'malformed' as const }))
  if ('refused' in opened) return refuse(opened.refused, null, `key ${message.keyId}`)
  const header = headerSchema.safeParse(decode(opened.payload))
  if (header.success) return header.data
  return refuse('malformed', null, header.error.issues[0]?.message ?? 'header')
}

function decode(bytes: Uint8Array): object | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}

const refuse = (code: RefusalCode, revision: number | null, reason: string): Refused => ({
  ok: false,
  code,
  revision,
  reason,
})
