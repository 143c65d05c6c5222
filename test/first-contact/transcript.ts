/**
 * Reads the transcripts of the README and of docs/: in a `console` block a line that starts with `$ ` is
 * typed, what follows is expected, to the last line. `…` in an expectation stands for anything on that
 * line; alone on a line it stands for any number of lines.
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

/** The same transcript about another app: pages all speak of `shop`, and are run beside each other. */
export const aboutApp = (text: string, app: string): string =>
  text.replace(/(?<!program: )\bshop\b/g, app)

/** Null when `output` is as expected, to its end; otherwise the first line that differs. */
export function mismatch(output: string, expected: readonly string[]): string | null {
  if (expected.length === 0) return null
  const lines = output.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trimEnd()]))
  let next = 0
  let anyNumber = false
  for (const line of expected) {
    if (line.trim() === '…') {
      anyNumber = true
      continue
    }
    const pattern = new RegExp(`^${line.trimEnd().split('…').map(literally).join('.*')}$`)
    const found = lines.findIndex((one, n) => n >= next && pattern.test(one))
    if (found === -1 || (found > next && !anyNumber)) return wrong(line, lines.slice(next))
    next = found + 1
    anyNumber = false
  }
  return next < lines.length && !anyNumber ? wrong('(nothing more)', lines.slice(next)) : null
}

const wrong = (line: string, got: readonly string[]) =>
  `expected: ${line}\n     got: ${got.length === 0 ? '(nothing)' : got.join('\n          ')}`

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
