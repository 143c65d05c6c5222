/**
 * The canonical view of path and host (RFC 3986 §6.2.2, RFC 9110 §7.2), in plain JavaScript: for values
 * that operators write, before they enter a table, and for the reference. The router has its own
 * implementation for requests; both must agree.
 */

const unreserved = /[A-Za-z0-9\-._~]/

/** Decoded where unreserved, escapes in upper case, dot segments resolved; null when it is not allowed. */
export function canonicalPath(path: string): string | null {
  if (!/^\/[!-~]*$/.test(path) || /%(?![0-9A-Fa-f]{2})/.test(path)) return null
  if (/%(00|2f|5c)/i.test(path)) return null
  const decoded = path.replace(/%../g, (triplet) => {
    const char = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
    return unreserved.test(char) ? char : triplet.toUpperCase()
  })
  const segments = decoded.slice(1).split('/')
  const kept: string[] = []
  segments.forEach((segment, n) => {
    const dots = segment === '.' || segment === '..'
    if (segment === '..') kept.pop()
    if (!dots) kept.push(segment)
    else if (n === segments.length - 1) kept.push('')
  })
  return `/${kept.join('/')}`
}

const label = '[A-Za-z0-9_-]+'
const name = new RegExp(`^${label}(\\.${label})*\\.?$`)

/** Lower case, without port and without one trailing dot; null when it is not an authority. */
export function canonicalHost(authority: string): string | null {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(authority) ?? []
  if (port !== undefined && !(/^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= 65535)) return null
  if (host.startsWith('[')) return /^\[[0-9A-Fa-f:.]+\]$/.test(host) ? host.toLowerCase() : null
  return name.test(host) ? host.toLowerCase().replace(/\.$/, '') : null
}
