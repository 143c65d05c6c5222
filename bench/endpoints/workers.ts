/**
 * Worker processes as the supervisor starts them, but for a relay on the link between each of them and the
 * pilot: it hands the bytes on at once, and notes when the worker's answer comes back. A worker answers each
 * message when its router has it, so that is when it has the endpoints, and a hop later.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { BoundSocket, connect, createServer, type Server } from 'node:net'
import { join, resolve } from 'node:path'
import type { AgentConfig } from '../../agent/config.ts'
import {
  type Endpoints,
  linkPath,
  linkReader,
  type PilotMessage,
  type WorkerMessage,
} from '../../agent/link.ts'
import { workerNodeArgs } from '../../agent/supervisor.ts'

export interface MeasuredWorkers {
  readonly pids: readonly number[]
  stop(): Promise<void>
}

const script = resolve(import.meta.dirname, '../../agent/worker/worker.ts')

/** `onHas`: a worker has these in its router; `isAll`: and no others. */
export async function startWorkers(
  config: AgentConfig,
  onHas: (worker: number, endpoints: Endpoints, isAll: boolean) => void,
): Promise<MeasuredWorkers> {
  const numbers = Array.from({ length: config.workers }, (_, n) => n)
  const started = await Promise.all(
    numbers.map(async (n) => {
      const stateFolder = join(config.stateFolder, `worker-${n}`)
      mkdirSync(stateFolder, { recursive: true })
      const relay = await relayTo(linkPath(config.stateFolder), linkPath(stateFolder), (...has) =>
        onHas(n, ...has),
      )
      return { relay, child: startWorker({ ...config, stateFolder }) }
    }),
  )
  return {
    pids: started.map(({ child }) => child.pid!),
    async stop() {
      for (const { relay, child } of started) {
        await ended(child)
        relay.close()
      }
    },
  }
}

function startWorker(config: AgentConfig): ChildProcess {
  const sockets = [0, 1].map(() => new BoundSocket({ host: '127.0.0.1', port: 0 }))
  const child = fork(script, [JSON.stringify(config)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...sockets.map((one) => one.fd())],
    execArgv: [...workerNodeArgs],
  })
  child.once('exit', () => {
    for (const socket of sockets) socket.close()
  })
  return child
}

async function relayTo(
  pilot: string,
  path: string,
  onHas: (endpoints: Endpoints, isAll: boolean) => void,
): Promise<Server> {
  const server = createServer((worker) => {
    const up = connect(pilot)
    for (const socket of [worker, up]) socket.on('error', () => {})
    worker.on('close', () => up.destroy())
    up.on('close', () => worker.destroy())
    // What the worker says when it connects answers nothing.
    const unanswered: (PilotMessage | null)[] = [null]
    const down = linkReader<PilotMessage>((message) => {
      if (message.type !== 'ready') unanswered.push(message)
    })
    const answers = linkReader<WorkerMessage>((message) => {
      if (message.type === 'usage') return
      const answered = unanswered.shift()
      if (answered?.type === 'endpoints') onHas(answered.endpoints, true)
      if (answered?.type === 'endpoints-changed') onHas(answered.endpoints, false)
    })
    up.on('data', (chunk: Buffer) => {
      worker.write(chunk)
      down(chunk)
    })
    worker.on('data', (chunk: Buffer) => {
      up.write(chunk)
      answers(chunk)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  return server
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
