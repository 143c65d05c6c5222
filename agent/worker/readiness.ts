/**
 * `/livez` and `/readyz`, and what ready means (DESIGN P7): a verified table and the pilot's word that
 * positions are the committed ones; or, when the pilot cannot be reached, the last-known-good.
 */
import { createServer, type Server } from 'node:http'

export interface Readiness {
  /** A verified table is loaded. */
  readonly hasTable: boolean
  /** All three files of the last-known-good were there at the start. */
  readonly hasFiles: boolean
  /** The pilot's newest word; null before it has spoken. */
  readonly pilotSays: boolean | null
  readonly pilotAbsentForMs: number | null
  readonly seekHeaderMs: number
  readonly draining: boolean
}

/** Null when ready, else why not. */
export function notReadyBecause(state: Readiness): string | null {
  if (state.draining) return 'draining'
  if (!state.hasTable) return 'no verified table is loaded'
  if (state.pilotSays !== null) {
    return state.pilotSays ? null : 'the pilot has not confirmed the committed positions'
  }
  if (state.pilotAbsentForMs === null) return 'waiting for the pilot to confirm the positions'
  if (!state.hasFiles) return 'the pilot is out of reach and the last-known-good is incomplete'
  if (state.pilotAbsentForMs >= state.seekHeaderMs) return null
  return 'the pilot is out of reach; serving the last-known-good soon'
}

export function createProbeServer(readiness: () => Readiness): Server {
  return createServer({ requestTimeout: 5_000, keepAliveTimeout: 1_000 }, (request, response) => {
    const reply = (status: number, text: string) => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
      response.end(`${text}\n`)
    }
    if (request.url === '/livez') return reply(200, 'live')
    if (request.url !== '/readyz') return reply(404, 'not found: /livez and /readyz are here')
    const reason = notReadyBecause(readiness())
    return reason === null ? reply(200, 'ready') : reply(503, `not ready: ${reason}`)
  })
}
