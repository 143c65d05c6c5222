/**
 * Request bodies, bounded before they are parsed: a declared length over the limit is refused unread, a
 * streamed one as soon as it has passed it.
 */
import type { Rejection } from '#wire/codes.ts'
import { readAtMost } from '../bounded-body.ts'

export type BytesRead = { readonly bytes: Uint8Array } | { readonly rejection: Rejection }
export type JsonRead = { readonly value: unknown } | { readonly rejection: Rejection }

export async function readBytes(request: Request, bytesMax: number): Promise<BytesRead> {
  const bytes = await readAtMost(request, bytesMax)
  if (bytes) return { bytes }
  return {
    rejection: {
      code: 'body-too-large',
      detail: `The body is larger than ${bytesMax} bytes.`,
      fix: 'Send less at once, for example fewer routes in one app.',
      evidence: { limitBytes: bytesMax },
    },
  }
}

/** The body as JSON; `undefined` when it is empty. */
export async function readJson(request: Request, bytesMax: number): Promise<JsonRead> {
  const read = await readBytes(request, bytesMax)
  if ('rejection' in read) return read
  if (read.bytes.byteLength === 0) return { value: undefined }
  const mediaType = request.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(mediaType)) {
    return {
      rejection: {
        code: 'unsupported-media-type',
        detail: mediaType === '' ? 'The body has no Content-Type.' : 'The body is not JSON.',
        fix: 'Send `Content-Type: application/json`.',
      },
    }
  }
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(read.bytes)) }
  } catch (error) {
    const message = error instanceof SyntaxError ? error.message : 'not UTF-8'
    return {
      rejection: {
        code: 'invalid-request',
        detail: 'The body is not valid JSON.',
        fix: 'Check quotes, commas and the encoding.',
        errors: [{ pointer: '', message }],
      },
    }
  }
}
