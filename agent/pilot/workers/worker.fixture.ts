/** A worker as the pilot sees it: the other end of the link, on a real socket, which obeys unless told not to. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  type Endpoints,
  linkLine,
  linkReader,
  type PilotMessage,
  type WorkerMessage,
} from '../../link.ts'

export interface WorkerState {
  pid: number
  tableDigest: string
  positions: Record<string, number>
  endpoints: Record<string, number>
  endpointsNumber: number
  /** Hears everything, does and says nothing. */
  deaf: boolean
  /** Refuses tables for this reason. */
  refuses: string | null
}

export interface FakeWorker {
  readonly socket: Socket
  readonly received: PilotMessage[]
  readonly state: WorkerState
  say(message: WorkerMessage): void
  /** Says what it serves. */
  report(): void
}

export async function dialPilot(
  path: string,
  changes: Partial<WorkerState> = {},
  /** Called before it says that it has them. */
  onEndpoints: (endpoints: Endpoints) => void = () => {},
): Promise<FakeWorker> {
  const state: WorkerState = {
    pid: process.pid,
    tableDigest: 'old',
    positions: {},
    endpoints: {},
    endpointsNumber: 0,
    deaf: false,
    refuses: null,
    ...changes,
  }
  const received: PilotMessage[] = []
  const socket = connect(path)
  socket.on('error', () => {})
  const say = (message: WorkerMessage) => void socket.write(linkLine(message))
  const report = () => {
    const { deaf: _deaf, refuses: _refuses, ...serving } = state
    say({ type: 'serving', ...serving })
  }

  function obey(message: PilotMessage): void {
    if (message.type === 'ready') return
    if (message.type === 'table') {
      if (state.refuses) {
        say({ type: 'refused', digest: message.digest, reason: state.refuses })
        return
      }
      state.tableDigest = message.digest
    } else if (message.type === 'positions') {
      for (const { app, generation } of message.positions) state.positions[app] = generation
    } else {
      onEndpoints(message.endpoints)
      state.endpointsNumber = message.number
      const before = message.type === 'endpoints' ? {} : state.endpoints
      const counts = Object.entries(message.endpoints).map(([id, list]) => [id, list.length])
      state.endpoints = { ...before, ...Object.fromEntries(counts) }
    }
    if (message.type === 'endpoints-changed') {
      const { endpoints, endpointsNumber } = state
      const changed = Object.keys(message.endpoints).map((id) => [id, endpoints[id] ?? 0])
      say({ type: 'serving-endpoints', endpoints: Object.fromEntries(changed), endpointsNumber })
    } else report()
  }

  const read = linkReader<PilotMessage>((message) => {
    received.push(message)
    if (!state.deaf) obey(message)
  })
  socket.on('data', read)
  await once(socket, 'connect')
  report()
  return { socket, received, state, say, report }
}
