/** The `note` of an Event (events.k8s.io/v1), of which the API server counts the bytes. */

export const noteBytesMax = 1_024

/** Cuts no character. */
export function cutToBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  const kept = new TextDecoder().decode(Buffer.from(text).subarray(0, bytes - 3))
  return `${kept.replace(/\uFFFD$/, '')}…`
}
