/** One command to its end: what it wrote, or an error with what it said; always with a bound. */
import type { ChildProcess } from 'node:child_process'

const withinMsDefault = 60_000
const bytesMax = 64 * 1024 * 1024

export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}

/** `child` has pipes as its standard streams. Resolves with its standard output. */
export async function outputOf(
  child: ChildProcess,
  what: string,
  { stdin = '', withinMs = withinMsDefault }: { stdin?: string; withinMs?: number } = {},
): Promise<string> {
  const out: Buffer[] = []
  const err: Buffer[] = []
  let bytes = 0
  const keep = (list: Buffer[]) => (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= bytesMax) list.push(chunk)
  }
  child.stdout?.on('data', keep(out))
  child.stderr?.on('data', keep(err))
  // A command that does not read its input has ended or says why.
  child.stdin?.on('error', () => {}).end(stdin)
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, withinMs)
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (exitCode, signal) => resolve(exitCode ?? signal ?? 'no exit code'))
    })
    if (late) throw new CommandFailed(`${what}: not done within ${withinMs} ms${said(err)}`)
    if (bytes > bytesMax) throw new CommandFailed(`${what}: wrote more than ${bytesMax} bytes`)
    if (code !== 0) throw new CommandFailed(`${what}: ended with ${code}${said(err)}`)
    return Buffer.concat(out).toString()
  } finally {
    clearTimeout(timer)
  }
}

const said = (err: readonly Buffer[]) => {
  const text = Buffer.concat(err).toString().trim().slice(-4_000)
  return text === '' ? '' : `\n${text}`
}
