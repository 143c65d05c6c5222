/**
 * The pilot's own HTTP: for people and Prometheus, on an address that traffic never reaches.
 *
 *   GET  /metrics   figures         GET  /livez    the pilot's loop turns
 *   GET  /table     what is served  GET  /readyz   every worker may take traffic
 *   POST /explain   a request in; route, release and the endpoints it could go to, out
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Say } from '#wire/log-line.ts'
import type { Address } from '../../config.ts'
import type { Metrics } from './metrics.ts'

export interface AdminOptions {
  readonly address: Address
  readonly metrics: Metrics
  readonly table: () => unknown
  /** Null when it is ready, else why not. */
  readonly notReady: () => string | null
  /** Throws `BadRequest` when the body is not a request. */
  readonly explain: (body: unknown) => unknown
  readonly log: Say
}

export interface Admin {
  close(): Promise<void>
}

export class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

const bodyBytesMax = 65_536
const listenAgainMs = 500

/** Listens as soon as the address is free: a pilot must not die because its predecessor lingers. */
export function startAdmin(options: AdminOptions): Admin {
  const { address, log } = options
  const closing = new AbortController()
  const server = createServer({ requestTimeout: 5_000, keepAliveTimeout: 1_000 }, (req, res) => {
    answer(options, req, res).catch((error) => {
      if (error instanceof BadRequest) return text(res, 400, error.message)
      log('admin-failed', `${req.method} ${req.url}: ${error}`)
      if (res.headersSent) res.destroy()
      else text(res, 500, 'a bug in Switchyard; the log has the details')
    })
  })

  async function listen(): Promise<void> {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      const failed = await new Promise<Error | null>((resolve) => {
        server.once('error', resolve)
        server.listen(address.port, address.host, () => {
          server.off('error', resolve)
          resolve(null)
        })
      })
      if (!failed) return
      if (attempt === 0) log('admin-failed', `${failed.message}; trying again`)
      await delay(listenAgainMs, undefined, { signal: closing.signal }).catch(() => {})
    }
  }
  const listening = listen()

  return {
    async close() {
      closing.abort()
      await listening
      server.closeAllConnections()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(
  { metrics, table, notReady, explain }: AdminOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://admin')
  const allowed = pathname === '/explain' ? 'POST' : 'GET'
  if (request.method !== allowed && pathname !== '/') {
    response.setHeader('allow', allowed)
    return text(response, 405, `${pathname} takes ${allowed}`)
  }
  switch (pathname) {
    case '/metrics':
      response.setHeader('content-type', metrics.contentType)
      return void response.end(await metrics.render())
    case '/table':
      return json(response, table())
    case '/explain':
      return json(response, explain(await body(request)))
    case '/livez':
      return text(response, 200, 'live')
    case '/readyz': {
      const reason = notReady()
      return reason === null
        ? text(response, 200, 'ready')
        : text(response, 503, `not ready: ${reason}`)
    }
    default:
      return text(response, 404, 'here are /metrics, /table, /explain, /livez and /readyz')
  }
}

async function body(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > bodyBytesMax) throw new BadRequest(`the body is longer than ${bodyBytesMax} bytes`)
    parts.push(part)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString())
  } catch {
    throw new BadRequest('the body is not JSON')
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify(value, null, 2)}\n`)
}

function text(response: ServerResponse, status: number, line: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(`${line}\n`)
}
