/**
 * For tests: how far a control elsewhere is, without waiting, as the cases have it for one in their own
 * process: a thread asks while this one stands still.
 */
import { Worker } from 'node:worker_threads'

/** Where the answer appears, and the answer. */
const [said, revision] = [0, 1]
const words = new Int32Array(new SharedArrayBuffer(8))
const askWithinMs = 60_000
let asker: Worker | null = null

export function revisionOf(url: string): number {
  asker ??= startAsker()
  Atomics.store(words, said, 0)
  asker.postMessage(`${url}/readyz`)
  Atomics.wait(words, said, 0, askWithinMs)
  if (Atomics.load(words, said) !== 1) throw new Error(`${url} does not say its revision`)
  return Atomics.load(words, revision)
}

function startAsker(): Worker {
  const thread = new Worker(
    `const { parentPort, workerData: words } = require('node:worker_threads')
    const say = (said, revision) => {
      Atomics.store(words, ${revision}, revision)
      Atomics.store(words, ${said}, said)
      Atomics.notify(words, ${said})
    }
    parentPort.on('message', (url) =>
      fetch(url).then((answer) => answer.json()).then((body) => say(1, body.revision)).catch(() => say(2, 0)))`,
    { eval: true, workerData: words },
  )
  thread.unref()
  return thread
}
