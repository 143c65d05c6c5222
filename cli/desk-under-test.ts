/** For tests: `switchyard` in this process, with what it has written and the code that it ended with. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Desk } from './desk.ts'
import { run } from './program.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  /** Null: a pipe. */
  readonly columns?: number | null
  readonly colours?: boolean
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  readonly interrupted?: AbortSignal
  /** Told of each piece of output as it comes. */
  readonly onOut?: (text: string) => void
}

export interface DeskUnderTest {
  /** A folder of its own: the working folder and, below it, the configuration. */
  readonly folder: string
  run(args: readonly string[], options?: RunOptions): Promise<Ran>
  /** As `run`, and the JSON of its output. */
  json(...args: string[]): Promise<unknown>
  remove(): void
}

export function createDesk(env: Readonly<Record<string, string>> = {}): DeskUnderTest {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-desk-'))
  const runOne = async (args: readonly string[], options: RunOptions = {}): Promise<Ran> => {
    let [out, err] = ['', '']
    const columns = () => options.columns ?? null
    const screen = { columns, rows: () => (columns() === null ? null : 50) }
    const desk: Desk = {
      env: { ...env, ...options.env },
      folder,
      home: folder,
      out: {
        ...screen,
        colours: options.colours ?? false,
        write: (text) => {
          out += text
          options.onOut?.(text)
        },
      },
      err: { ...screen, colours: false, write: (text) => (err += text) },
      stdin: async () => options.stdin ?? '',
      nowMs: Date.now,
      interrupted: options.interrupted ?? new AbortController().signal,
    }
    return { code: await run(desk, args), out, err }
  }
  return {
    folder,
    run: runOne,
    async json(...args) {
      const { code, out, err } = await runOne([...args, '-o', 'json'])
      if (code !== 0) throw new Error(`switchyard ${args.join(' ')}: ${code}: ${err}`)
      return JSON.parse(out)
    },
    remove: () => rmSync(folder, { recursive: true }),
  }
}
