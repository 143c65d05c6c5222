/**
 * Ready endpoints as server-sent events: all of them to a new reader, then each release that changed; how far
 * copies have been replaced; and, to readers that know of it, why some do not become ready. A reader that does not keep up is cut off and starts anew with all.
 */
import type { ServerResponse } from 'node:http'
import type { RollingReport, TroubleReport } from '#wire/report.ts'
import type { Endpoints } from '../../link.ts'
import { heartbeatMs, type StreamEvent } from './protocol.ts'

const readersMax = 256
const queuedBytesMax = 4_194_304

export interface EndpointStream {
  /** False when there are too many readers already. */
  add(response: ServerResponse, readsTroubles: boolean): boolean
  publish(endpoints: Endpoints): void
  publishReplacements(replacements: readonly RollingReport[]): void
  publishTroubles(troubles: readonly TroubleReport[]): void
  close(): void
}

export function createEndpointStream(): EndpointStream {
  const readers = new Set<ServerResponse>()
  /** Those of them that know of troubles. */
  const toldOfTroubles = new Set<ServerResponse>()
  let current = new Map<string, string>()
  const nothing = replacementsEvent([])
  const well = troublesEvent([])
  let replacing = nothing
  let troubled = well

  const heartbeat = setInterval(() => send(': alive\n\n'), heartbeatMs)

  function send(text: string, to = readers): void {
    for (const reader of to) {
      if (reader.writableLength > queuedBytesMax) reader.destroy()
      else reader.write(text)
    }
  }

  return {
    add(response, readsTroubles) {
      if (readers.size >= readersMax) return false
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      readers.add(response)
      if (readsTroubles) toldOfTroubles.add(response)
      response.once('close', () => {
        readers.delete(response)
        toldOfTroubles.delete(response)
      })
      const endpoints = Object.fromEntries(
        [...current].map(([release, list]) => [release, JSON.parse(list)]),
      )
      // Agents that do not know of replacements never hear of one: none is published for them either.
      const rest = replacing === nothing ? '' : replacing
      const why = readsTroubles && troubled !== well ? troubled : ''
      response.write(event({ type: 'state', endpoints }) + rest + why)
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
    publishTroubles(troubles) {
      const next = troublesEvent(troubles)
      if (next !== troubled) send(next, toldOfTroubles)
      troubled = next
    },
    close() {
      clearInterval(heartbeat)
      for (const reader of readers) reader.end()
      readers.clear()
      toldOfTroubles.clear()
    },
  }
}

const replacementsEvent = (replacements: readonly RollingReport[]) =>
  event({ type: 'replacements', replacements: [...replacements] })

const troublesEvent = (troubles: readonly TroubleReport[]) =>
  event({ type: 'troubles', troubles: [...troubles] })

const event = (data: StreamEvent) => `data: ${JSON.stringify(data)}\n\n`
