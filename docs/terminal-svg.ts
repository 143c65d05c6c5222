/**
 * A terminal's window as SVG: text with colours in, a picture out. Pure. Each run of one style is placed at
 * its column and stretched over its cells, so that tables keep their columns with any font.
 */

/** SGR of `cli/paint.ts`, and what ends each. */
const styles: Readonly<Record<string, Partial<Style>>> = {
  0: { bold: false, dim: false, colour: null },
  1: { bold: true },
  2: { dim: true },
  22: { bold: false, dim: false },
  31: { colour: '#ff7b72' },
  32: { colour: '#56d364' },
  33: { colour: '#e3b341' },
  36: { colour: '#76e3ea' },
  39: { colour: null },
}

interface Style {
  readonly bold: boolean
  readonly dim: boolean
  readonly colour: string | null
}
interface Run {
  readonly column: number
  readonly text: string
  readonly style: Style
}

const plain: Style = { bold: false, dim: false, colour: null }
const cellWidth = 8.4
const lineHeight = 19
const margin = 16
const barHeight = 30

export interface Picture {
  /** What is shown, for who does not see it. */
  readonly title: string
  readonly description: string
  readonly columns: number
  /** With the SGR sequences of colours; no other control characters. */
  readonly lines: readonly string[]
}

export function terminalSvg({ title, description, columns, lines }: Picture): string {
  const width = Math.round(columns * cellWidth + 2 * margin)
  const height = barHeight + lines.length * lineHeight + 2 * margin
  const rows = lines.flatMap((line, n) => {
    const y = barHeight + margin + (n + 0.75) * lineHeight
    return runsOf(line).map((run) => textOf(run, y))
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(description)}</desc>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    ...['#ff5f57', '#febc2e', '#28c840'].map(
      (colour, n) => `<circle cx="${20 + n * 18}" cy="20" r="5.5" fill="${colour}"/>`,
    ),
    `<text x="${width / 2}" y="24" text-anchor="middle" fill="#8b949e" font-family="sans-serif" font-size="12">${escaped(title)}</text>`,
    `<g fill="#e6edf3" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">`,
    ...rows,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** A line cut where its style changes, without the spaces around each piece. */
function runsOf(line: string): Run[] {
  const runs: Run[] = []
  let style = plain
  let column = 0
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    const codes = /^\u001b\[([\d;]*)m$/.exec(part)
    if (codes) {
      for (const code of codes[1]!.split(';')) style = { ...style, ...styles[code || '0'] }
      continue
    }
    for (const { 0: text, index } of part.matchAll(/\S+(?: \S+)*/g)) {
      runs.push({ column: column + index, text, style })
    }
    column += part.length
  }
  return runs
}

function textOf({ column, text, style }: Run, y: number): string {
  const look = [
    style.colour && ` fill="${style.colour}"`,
    style.bold && ' font-weight="bold"',
    style.dim && ' fill-opacity="0.6"',
  ].filter(Boolean)
  const x = round(margin + column * cellWidth)
  const length = round(text.length * cellWidth)
  return `<text x="${x}" y="${round(y)}" textLength="${length}" lengthAdjust="spacingAndGlyphs"${look.join('')}>${escaped(text)}</text>`
}

const round = (value: number) => Math.round(value * 100) / 100

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
