/** The real workerd, as a process: started with a plan, killed in any way, started again on the same disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { configFileOf, type WorkerdPlan, workerdConfig } from './workerd-config.ts'

export interface Workerd {
  readonly url: string
  readonly pid: number
  /** What it has written, the end of it. */
  output(): string
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

const startWithinMs = 30_000
const outputCharsMax = 65_536
/** The socket that tells which port was found. */
const controlDescriptor = 3

/** The binary itself, so that a signal reaches it. */
export const workerdBinary = (): string => {
  const loaded: { default: string } = createRequire(import.meta.url)('workerd')
  return loaded.default
}

/** Writes the configuration beside the storage and gives workerd's arguments. */
export function workerdArguments(plan: WorkerdPlan): string[] {
  mkdirSync(plan.storage, { recursive: true, mode: 0o700 })
  const file = configFileOf(plan)
  writeFileSync(file, workerdConfig(plan), { mode: 0o600 })
  return ['serve', '--experimental', file]
}

export async function startWorkerd(plan: WorkerdPlan): Promise<Workerd> {
  const args = [...workerdArguments(plan), `--control-fd=${controlDescriptor}`]
  const child = spawn(workerdBinary(), args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  let output = ''
  const take = (chunk: Buffer) => {
    output = (output + chunk).slice(-outputCharsMax)
  }
  child.stdout!.on('data', take)
  child.stderr!.on('data', take)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const port = await listeningPort(child, () => output)
  return {
    url: `http://${plan.host}:${port}`,
    pid: child.pid!,
    output: () => output,
    async kill(signal) {
      child.kill(signal)
      await ended
    },
  }
}

function listeningPort(child: ChildProcess, output: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    let told = ''
    const fail = (why: string) => reject(new Error(`workerd ${why}\n${output()}`))
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`does not listen within ${startWithinMs} ms`)
    }, startWithinMs)
    child.once('exit', (code) => {
      clearTimeout(late)
      fail(`ended with ${code}`)
    })
    child.once('error', (error) => fail(error.message))
    child.stdio[controlDescriptor]!.on('data', (chunk: Buffer) => {
      told += chunk
      const found = /"event":"listen","socket":"http","port":(\d+)/.exec(told)
      if (!found) return
      clearTimeout(late)
      resolve(Number(found[1]))
    })
  })
}
