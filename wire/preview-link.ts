/**
 * Preview links: a token, signed by control, that leads one browser to a candidate on the app's own host
 * until it expires. Agents verify it with the keys that they have pinned; nobody keeps a list.
 *
 *   token = base64url(payload) "." key id "." base64url(Ed25519 over the payload)
 *
 * The payload says what it is for, so that no other message signed by the same key can pass for a link.
 */
import { z } from 'zod'
import { canonicalBytes } from './digest.ts'
import * as names from './names.ts'
import { fromBase64url, type SigningKey, seal } from './signature.ts'

/** Name of the query parameter that carries a token, and of the cookie that keeps it. */
export const previewName = 'switchyard-preview'

export const previewLink = z.strictObject({
  purpose: z.literal('preview-link'),
  /** Random: what the audit knows it by. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  app: names.appName,
  release: names.releaseId,
  expiresAtMs: z.int().min(0),
})
export type PreviewLink = z.infer<typeof previewLink>

/** Longest token that is looked at. */
export const previewTokenChars = 1_024

export async function signPreviewLink(
  link: Omit<PreviewLink, 'purpose'>,
  key: SigningKey,
): Promise<string> {
  const { payload, keyId, signature } = await seal(
    canonicalBytes({ purpose: 'preview-link', ...link }),
    key,
  )
  return `${payload}.${keyId}.${signature}`
}

export interface PreviewToken {
  readonly payload: Uint8Array
  readonly keyId: string
  readonly signature: Uint8Array
}

const tokenText = /^([A-Za-z0-9_-]{1,800})\.([0-9a-f]{16})\.([A-Za-z0-9_-]{86})$/

/** The parts of a token, nothing of them believed yet; null when it is none. */
export function readPreviewToken(text: string): PreviewToken | null {
  const match = tokenText.exec(text)
  if (!match) return null
  try {
    const [, payload = '', keyId = '', signature = ''] = match
    return { payload: fromBase64url(payload), keyId, signature: fromBase64url(signature) }
  } catch {
    return null
  }
}

/** What verified bytes say; null when they are of another purpose. */
export function parsePreviewLink(payload: Uint8Array): PreviewLink | null {
  try {
    return previewLink.parse(JSON.parse(new TextDecoder().decode(payload)))
  } catch {
    return null
  }
}
