/** SHA-256 by Node's own OpenSSL, chosen in `package.json`; `sha256.ts` says the same in JavaScript. */
import { hash } from 'node:crypto'

/** A copy of its own: 32 bytes inside an object, not a buffer beside it. */
export const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(hash('sha256', bytes, 'buffer'))

/** Lower-case hex. */
export const sha256Hex = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')
