/**
 * The line of the link that brings endpoints to a worker: all of them to one that has been sent none, and after
 * that the releases whose lists are others than those that it was sent last. Made once for all workers.
 */
import { type Endpoint, type Endpoints, linkLine, type PilotMessage } from '../../link.ts'

/** Null: nothing has changed. */
export function createEndpointLines(): (
  sent: Endpoints | undefined,
  wanted: Endpoints,
  number: number,
) => string | null {
  let sent: Endpoints | undefined
  let wanted: Endpoints = {}
  let line: string | null = null
  return (from, to, number) => {
    if (from === to) return null
    if (line === null || from !== sent || to !== wanted) {
      line = linkLine(
        from === undefined
          ? { type: 'endpoints', number, endpoints: to }
          : change(from, to, number),
      )
      sent = from
      wanted = to
    }
    return line
  }
}

/** Lists are compared by identity: a list that has changed is a new one. */
function change(from: Endpoints, to: Endpoints, number: number): PilotMessage {
  const endpoints: Record<string, readonly Endpoint[]> = {}
  for (const release in to) if (to[release] !== from[release]) endpoints[release] = to[release]!
  for (const release in from) if (!(release in to)) endpoints[release] = []
  return { type: 'endpoints-changed', number, endpoints }
}
