/**
 * The routers from npm that the matcher is compared with, each in its quickest documented use. A request is
 * bytes to begin with, so a router of strings pays for its strings: `bytes` cuts method and path out of the
 * buffer by known offsets; `strings` has them for nothing, and is shown beside it. Neither is asked for the
 * host, which the WASM matches besides.
 */
import findMyWay from 'find-my-way'
import { addRoute, createRouter, findRoute } from 'rou3'

export interface Request {
  readonly method: string
  readonly path: string
  readonly host: string
}
/** A route of one method at one path; `prefix` covers everything below it too. */
export interface PlainRoute {
  readonly method: string
  readonly path: string
  readonly prefix: boolean
}

export interface Contender {
  readonly name: string
  /** Number of the route for request `n`, or -1. */
  answer(n: number): number
  /** All requests; the sum of the answers, as an i32. */
  run(): number
}

type Find = (method: string, path: string) => number

export const peers: Readonly<Record<string, (routes: readonly PlainRoute[]) => Find>> = {
  'find-my-way'(routes) {
    const router = findMyWay()
    for (const [n, { method, path, prefix }] of routes.entries()) {
      // Its answer is the handler and what it carries.
      router.on(method as 'GET', path, () => {}, { n })
      if (prefix) router.on(method as 'GET', `${path}/*`, () => {}, { n })
    }
    return (method, path) =>
      (router.find(method as 'GET', path)?.store as { n: number } | null | undefined)?.n ?? -1
  },
  rou3(routes) {
    const context = createRouter<number>()
    for (const [n, { method, path, prefix }] of routes.entries()) {
      addRoute(context, method, prefix ? `${path}/**` : path, n)
    }
    return (method, path) => findRoute(context, method, path, { params: false })?.data ?? -1
  },
}

/** Both forms of a peer: bytes to route, and strings to route. */
export function peerContenders(
  name: string,
  find: Find,
  requests: readonly Request[],
): { bytes: Contender; strings: Contender } {
  const buffer = Buffer.from(requests.map(({ method, path }) => method + path).join(''), 'latin1')
  const ends = new Int32Array(requests.length * 2)
  let end = 0
  requests.forEach(({ method, path }, n) => {
    end += method.length
    ends[n * 2] = end
    end += path.length
    ends[n * 2 + 1] = end
  })
  const ofBytes = (n: number): number => {
    const method = buffer.toString('latin1', n === 0 ? 0 : ends[n * 2 - 1]!, ends[n * 2]!)
    return find(method, buffer.toString('latin1', ends[n * 2]!, ends[n * 2 + 1]!))
  }
  const ofStrings = (n: number): number => find(requests[n]!.method, requests[n]!.path)
  const all = (answer: (n: number) => number) => () => {
    let sum = 0
    for (let n = 0; n < requests.length; n++) sum = (sum + answer(n)) | 0
    return sum
  }
  return {
    bytes: { name: `${name}, from bytes`, answer: ofBytes, run: all(ofBytes) },
    strings: { name: `${name}, from strings`, answer: ofStrings, run: all(ofStrings) },
  }
}
