/**
 * Makes a picture of a terminal from what a program has drawn there, as `script` records it:
 * `node docs/picture.ts < recorded > docs/watch.svg`. The last drawing of the recording is taken.
 */
import { text } from 'node:stream/consumers'

const [cellWidth, lineHeight, margin] = [8.4, 19, 16]
const colours: Readonly<Record<string, string>> = {
  '31': '#ff7b72',
  '32': '#7ee787',
  '33': '#e3b341',
  '36': '#76e3ea',
}

interface Run {
  readonly text: string
  readonly at: number
  readonly style: string
}

/** The lines of the newest drawing: what follows the last "cursor hidden", as `cli/live/redraw.ts` writes. */
function newestDrawing(drawn: string): string[] {
  const [newest] = drawn.split('\u001b[?25l').at(-1)!.split('\u001b[J')
  return newest!
    .replaceAll(/\u001b\[\d*[AK]|\r/g, '')
    .trimEnd()
    .split('\n')
}

function runsOf(line: string): Run[] {
  const runs: Run[] = []
  let [style, column] = ['', 0]
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    const code = /^\u001b\[([\d;]*)m$/.exec(part)?.[1]
    if (code === undefined) {
      if (part.trim() !== '') runs.push({ text: part, at: column, style })
      column += [...part].length
    } else if (code === '1') style = 'font-weight="bold" fill="#ffffff"'
    else if (code === '2') style = 'fill="#8b949e"'
    else style = colours[code] ? `fill="${colours[code]}"` : ''
  }
  return runs
}

const escaped = (plain: string) =>
  plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function picture(lines: readonly string[]): string {
  const columns = Math.max(
    ...lines.map((line) => [...line.replaceAll(/\u001b\[[\d;]*m/g, '')].length),
  )
  const width = Math.ceil(columns * cellWidth + 2 * margin)
  const height = Math.ceil(lines.length * lineHeight + 2 * margin)
  const texts = lines.flatMap((line, n) =>
    runsOf(line).map(({ text: held, at, style }) => {
      const [x, y] = [margin + at * cellWidth, margin + (n + 0.75) * lineHeight]
      const length = ([...held].length * cellWidth).toFixed(1)
      return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" textLength="${length}" xml:space="preserve" ${style}>${escaped(held)}</text>`
    }),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>${escaped(lines[0]!.replaceAll(/\u001b\[[\d;]*m/g, ''))}</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#c9d1d9">
${texts.join('\n')}
</g>
</svg>
`
}

if (import.meta.main) {
  process.stdout.write(picture(newestDrawing(await text(process.stdin))))
}
