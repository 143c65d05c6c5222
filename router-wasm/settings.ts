/**
 * The strings that the host writes into SETTINGS for the heads that the router writes: an i32 of bytes
 * and the bytes. Each is checked here, because the router copies them as they are (http-rules 65).
 */
import { SETTING_FORWARDED_BYTES_MAX, SETTING_VIA_BYTES_MAX } from './layout.ts'
import type { ClientInput } from './router.ts'

const encoder = new TextEncoder()

/** For SETTING_DATE: `new Date().toUTCString()`, once a second. */
export function dateSetting(httpDate: string): Uint8Array {
  if (!/^[A-Za-z0-9,: ]{29}$/.test(httpDate)) throw new TypeError('not an IMF-fixdate')
  return setting(httpDate)
}

/** For SETTING_VIA: a token that names this proxy and nothing internal. */
export function viaSetting(pseudonym: string): Uint8Array {
  if (!/^[A-Za-z0-9._-]+$/.test(pseudonym) || pseudonym.length > SETTING_VIA_BYTES_MAX) {
    throw new TypeError('a pseudonym is made of letters, digits, ".", "_" and "-"')
  }
  return setting(pseudonym)
}

/** For SETTING_FORWARDED: made once a connection, written before each of its requests. */
export function forwardedSetting({ address, localPort, tls }: ClientInput): Uint8Array {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(plain)) throw new TypeError('not an IP address')
  if (!Number.isInteger(localPort) || localPort < 0 || localPort > 65535) {
    throw new TypeError('not a port')
  }
  const lines =
    `X-Forwarded-For: ${plain}\r\nX-Forwarded-Proto: ${tls ? 'https' : 'http'}\r\n` +
    `X-Forwarded-Port: ${localPort}\r\nX-Real-IP: ${plain}\r\n`
  if (lines.length > SETTING_FORWARDED_BYTES_MAX) throw new TypeError('too long')
  return setting(lines)
}

function setting(text: string): Uint8Array {
  const bytes = new Uint8Array(4 + text.length)
  new DataView(bytes.buffer).setUint32(0, text.length, true)
  bytes.set(encoder.encode(text), 4)
  return bytes
}
