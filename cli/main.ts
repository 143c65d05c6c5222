/** The entry of `switchyard`: environment, streams, clock, Ctrl-C and exit code; nothing else touches them. */

import { homedir } from 'node:os'
import { text } from 'node:stream/consumers'
import type { WriteStream } from 'node:tty'
import type { Desk, Screen } from './desk.ts'
import { exitCodes } from './exit-codes.ts'
import { showCursor } from './live/redraw.ts'
import { run } from './program.ts'

/** https://no-color.org and https://force-color.org: both count when they are not empty. */
function coloursOf(stream: WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR) return false
  if (FORCE_COLOR) return FORCE_COLOR !== '0'
  return stream.isTTY === true && TERM !== 'dumb'
}

const screen = (stream: WriteStream): Screen => ({
  write: (line) => void stream.write(line),
  columns: () => (stream.isTTY ? stream.columns || 80 : null),
  rows: () => (stream.isTTY ? stream.rows || 24 : null),
  colours: coloursOf(stream),
})

/** The first Ctrl-C ends what is watched in order; the second ends at once. */
function interruption(): AbortSignal {
  const interrupted = new AbortController()
  const end = () => {
    if (interrupted.signal.aborted) {
      if (process.stdout.isTTY) process.stdout.write(showCursor)
      process.exit(exitCodes.interrupted.code)
    }
    interrupted.abort()
  }
  process.on('SIGINT', end).on('SIGTERM', end)
  return interrupted.signal
}

const { npm_lifecycle_event: script, INIT_CWD: startedIn } = process.env

const desk: Desk = {
  env: process.env,
  // `npm run` goes to the project's folder first; paths are meant from where it was called.
  folder: script === 'switchyard' && startedIn ? startedIn : process.cwd(),
  home: homedir(),
  out: screen(process.stdout),
  err: screen(process.stderr),
  stdin: () => text(process.stdin),
  nowMs: Date.now,
  interrupted: interruption(),
}

// `… | head` closes the pipe: nobody reads on, and that is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
}

const code = await run(desk, process.argv.slice(2))
process.exitCode = code
// What is written is flushed first; what is still open (a kept connection) does not hold the end up.
process.stdout.write('', () => process.exit(code))
