/**
 * One bash for all the commands of a transcript, so that an `export` and `$?` last from one to the next.
 * What a terminal shows comes back: standard output and, with `both`, standard error.
 */
import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

export interface ShellOptions {
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
  /** Standard error comes back too, in its place. */
  readonly both?: boolean
  /** Typed before everything else: functions that the transcript may call. */
  readonly before?: string
  /** How long one command may take. */
  readonly withinMs?: number
}

export interface Shell {
  run(command: string): Promise<string>
  close(): void
}

export function openShell(options: ShellOptions): Shell {
  const { folder, environment, both = false, before = '', withinMs = 60_000 } = options
  const bash = spawn('bash', ['--norc'], {
    cwd: folder,
    env: environment,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let output = ''
  bash.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  bash.stdin.write(`${both ? 'exec 2>&1\n' : ''}${before}\n`)
  let number = 0
  return {
    async run(command) {
      const mark = `--done ${number++}--`
      output = ''
      bash.stdin.write(`${command}\nended=$?; printf '\\n${mark}\\n'; (exit $ended)\n`)
      const deadline = performance.now() + withinMs
      while (!output.includes(mark)) {
        if (bash.exitCode !== null) throw new Error(`the shell ended at: ${command}\n${output}`)
        if (performance.now() > deadline) {
          throw new Error(`not done within ${withinMs / 1_000} s: ${command}\n${output}`)
        }
        await delay(10)
      }
      return output.slice(0, output.indexOf(mark))
    },
    close: () => void bash.stdin.end(),
  }
}
