/**
 * Reads the README's transcripts: in a `console` block a line that starts with `$ ` is typed, what follows
 * is expected. `…` in an expectation stands for anything on that line.
 */
export interface Typed {
  readonly command: string
  /** Expected lines; none: anything. */
  readonly expected: readonly string[]
}

export function transcripts(markdown: string): Typed[] {
  const blocks = markdown.matchAll(/^```console\n([\s\S]*?)^```/gm)
  return [...blocks].flatMap(([, block]) => typedIn(block!))
}

function typedIn(block: string): Typed[] {
  const typed: { command: string; expected: string[] }[] = []
  for (const line of block.replaceAll('\\\n', '').split('\n')) {
    if (line.startsWith('$ ')) typed.push({ command: line.slice(2), expected: [] })
    else if (line.trim() !== '') typed.at(-1)?.expected.push(line)
  }
  return typed
}

/** The transcript shows the standard ports; a test runs at others. */
export const atPortBase = (text: string, base: number): string =>
  text.replace(/127\.0\.0\.1:(7[78]\d\d|79\d\d)/g, (_, port: string) => {
    return `127.0.0.1:${Number(port) - 7700 + base}`
  })

/** Null when `output` is as expected; otherwise the first line that differs. */
export function mismatch(output: string, expected: readonly string[]): string | null {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  for (const [n, line] of expected.entries()) {
    const pattern = line.split('…').map(literally).join('.*')
    if (!new RegExp(`^${pattern}$`).test(lines[n] ?? '')) {
      return `expected: ${line}\n     got: ${lines[n] ?? '(nothing)'}`
    }
  }
  return null
}

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
