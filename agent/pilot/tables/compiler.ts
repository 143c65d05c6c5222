/**
 * The pilot's side of the compile thread: one job at a time, always of the newest tree. The thread starts
 * with the first job and starts anew when it dies.
 */
import { Worker } from 'node:worker_threads'
import type { Sealed } from '#wire/signature.ts'
import type { Bucket, Tree } from '#wire/tree.ts'
import type { TableFile } from '../disk/last-known-good.ts'
import type { CompileAnswer, CompileRequest } from './compile-thread.ts'

export interface CompileOutcome {
  readonly tree: Tree
  readonly result: { readonly table: TableFile; readonly ms: number } | { readonly refused: string }
}

export interface Compiler {
  /** Replaces a request that has not begun. */
  compile(tree: Tree, header: Sealed): void
  busy(): boolean
  /** The newest outcome's objects are the last-known-good from now on. */
  keep(): void
  stop(): Promise<void>
}

interface Job {
  readonly number: number
  readonly tree: Tree
}

export function createCompiler(
  folder: string,
  onOutcome: (outcome: CompileOutcome) => void,
  script = new URL('./compile-thread.ts', import.meta.url),
): Compiler {
  let thread: Worker | null = null
  let posted: readonly (Bucket | undefined)[] = []
  let running: Job | null = null
  let next: { tree: Tree; header: Sealed } | null = null
  let lastNumber = 0
  let stopping = false

  function start(): Worker {
    const one = new Worker(script, { workerData: { folder } })
    const died = (reason: string) => {
      if (thread !== one) return
      thread = null
      posted = []
      if (running && !stopping) finish({ refused: reason })
    }
    one.on('message', (answer: CompileAnswer) => {
      if (answer.job !== running?.number) return
      finish(answer.type === 'compiled' ? answer : { refused: answer.reason })
    })
    one.on('error', (error) => died(`the compiler failed: ${error}`))
    one.on('exit', () => died('the compiler ended'))
    return one
  }

  function finish(result: CompileOutcome['result']): void {
    const { tree } = running!
    running = null
    onOutcome({ tree, result })
    begin()
  }

  function begin(): void {
    if (running || !next || stopping) return
    const { tree, header } = next
    next = null
    thread ??= start()
    running = { number: ++lastNumber, tree }
    tree.buckets.forEach((bucket, id) => {
      if (posted[id] === bucket || (!posted[id] && bucket.objects.length === 0)) return
      post({ type: 'bucket', id, objects: bucket.objects })
    })
    posted = tree.buckets
    post({ type: 'compile', job: running.number, header })
  }

  const post = (request: CompileRequest) => thread?.postMessage(request)

  return {
    compile(tree, header) {
      next = { tree, header }
      begin()
    },
    busy: () => running !== null || next !== null,
    keep: () => post({ type: 'keep', job: lastNumber }),
    async stop() {
      stopping = true
      await thread?.terminate()
    },
  }
}
