/**
 * Ready endpoints as server-sent events: all of them to a new reader, then each release that changed; and
 * how far copies have been replaced. A reader that does not keep up is cut off and starts anew with all.
 */
import type { ServerResponse } from 'node:http'
import type { RollingReport } from '#wire/report.ts'
import type { Endpoints } from '../link.ts'
import { heartbeatMs, type StreamEvent } from './local-protocol.ts'

const readersMax = 256
const queuedBytesMax = 4_194_304

export interface EndpointStream {
  /** False when there are too many readers already. */
  add(response: ServerResponse): boolean
  publish(endpoints: Endpoints): void
  publishReplacements(replacements: readonly RollingReport[]): void
  close(): void
}

export function createEndpointStream(): EndpointStream {
  const readers = new Set<ServerResponse>()
  let current = new Map<string, string>()
  const nothing = replacementsEvent([])
  let replacing = nothing

  const heartbeat = setInterval(() => send(': alive\n\n'), heartbeatMs)

  function send(text: string): void {
    for (const reader of readers) {
      if (reader.writableLength > queuedBytesMax) reader.destroy()
      else reader.write(text)
    }
  }

  return {
    add(response) {
      if (readers.size >= readersMax) return false
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      readers.add(response)
      response.once('close', () => readers.delete(response))
      const endpoints = Object.fromEntries(
        [...current].map(([release, list]) => [release, JSON.parse(list)]),
      )
      // Agents that do not know of replacements never hear of one: none is published for them either.
      const rest = replacing === nothing ? '' : replacing
      response.write(event({ type: 'state', endpoints }) + rest)
      return true
    },
    publish(endpoints) {
      const next = new Map(
        Object.entries(endpoints).map(([release, list]) => [release, JSON.stringify(list)]),
      )
      const releases = new Set([...current.keys(), ...next.keys()])
      for (const release of releases) {
        if (current.get(release) === next.get(release)) continue
        send(event({ type: 'change', release, endpoints: [...(endpoints[release] ?? [])] }))
      }
      current = next
    },
    publishReplacements(replacements) {
      const next = replacementsEvent(replacements)
      if (next !== replacing) send(next)
      replacing = next
    },
    close() {
      clearInterval(heartbeat)
      for (const reader of readers) reader.end()
      readers.clear()
    },
  }
}

const replacementsEvent = (replacements: readonly RollingReport[]) =>
  event({ type: 'replacements', replacements: [...replacements] })

const event = (data: StreamEvent) => `data: ${JSON.stringify(data)}\n\n`
