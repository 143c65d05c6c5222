/** Load on a proxy: by `wrk` where it is installed, else by a generator of our own. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pinned } from './processes.ts'

export interface LoadFigures {
  readonly requests: number
  readonly errors: number
  readonly seconds: number
}

const run = promisify(execFile)

export async function load(
  wrk: string | null,
  port: number,
  connections: number,
  seconds: number,
): Promise<LoadFigures> {
  const command = wrk
    ? [
        wrk,
        '-t1',
        `-c${connections}`,
        `-d${seconds}s`,
        '-H',
        'Host: shop.test',
        '-H',
        'Accept: */*',
        '-H',
        'User-Agent: bench',
        `http://127.0.0.1:${port}/products/42`,
      ]
    : [
        process.execPath,
        fileURLToPath(new URL('./own-load.ts', import.meta.url)),
        `${port}`,
        `${connections}`,
        `${seconds}`,
      ]
  const [file, ...args] = pinned(command, 'load')
  const { stdout } = await run(file!, args, { timeout: (seconds + 20) * 1_000 })
  if (!wrk) return JSON.parse(stdout) as LoadFigures
  const total = /(\d+) requests in ([\d.]+)(ms|s|m)/.exec(stdout)
  if (!total) throw new Error(`wrk said something unexpected:\n${stdout}`)
  const unit = { ms: 0.001, s: 1, m: 60 }[total[3] as 'ms' | 's' | 'm']
  const non2xx = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0)
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)
  const socketErrors = (broken?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), 0)
  return {
    requests: Number(total[1]),
    errors: non2xx + socketErrors,
    seconds: Number(total[2]) * unit,
  }
}
