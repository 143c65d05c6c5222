/** `kubectl port-forward` that is started again at the same port when the pod behind it was replaced. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

export interface Forward {
  /** On 127.0.0.1. */
  readonly port: number
  close(): void
}

const againAfterMs = 200
const firstWithinMs = 30_000

/** `where`: flags that name context and namespace. */
export async function forwardPort(
  where: readonly string[],
  resource: string,
  port: number,
): Promise<Forward> {
  let child: ChildProcess
  let closed = false
  const start = (local: number | '') => {
    child = spawn('kubectl', [...where, 'port-forward', resource, `${local}:${port}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return child
  }
  const deadline = performance.now() + firstWithinMs
  for (;;) {
    const local = await portOf(start(''))
    if (local !== null) {
      keep(local)
      return {
        port: local,
        close() {
          closed = true
          child.kill()
        },
      }
    }
    if (performance.now() > deadline)
      throw new Error(`${resource} cannot be reached by port-forward`)
    await delay(againAfterMs)
  }

  function keep(local: number): void {
    child.stdout!.resume()
    child.once('exit', async () => {
      await delay(againAfterMs)
      if (closed) return
      start(local)
      keep(local)
    })
  }
}

/** Null when it has ended before it said so. */
function portOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.stdout!.on('data', (bytes: Buffer) => {
      const found = /127\.0\.0\.1:(\d+)/.exec(bytes.toString())
      if (found) resolve(Number(found[1]))
    })
    child.once('exit', () => resolve(null))
    child.once('error', () => resolve(null))
  })
}
