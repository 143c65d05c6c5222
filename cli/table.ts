/**
 * Tables that fit the window: columns of least weight go first, then the widest are cut. Without a
 * window (a pipe, a file) every column is whole.
 */
import { plain } from './desk.ts'
import type { Paint, Painter } from './paint.ts'

export interface Column<Row> {
  readonly title: string
  cell(row: Row): string | number | null | undefined
  readonly paint?: (text: string) => Paint | null
  readonly align?: 'right'
  /** 0, the default, stays; the highest goes first when the window is too small. */
  readonly spare?: number
  /** Only with `-o wide`. */
  readonly wide?: true
}

const gap = '  '
/** Narrower than this no column is cut. */
const narrowest = 8

export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  window: number | null,
  paint: Painter,
): string[] {
  let shown = columns.map((column) => {
    const cells = rows.map((row) => plain(String(column.cell(row) ?? '–')))
    return { column, cells, width: Math.max(...[column.title, ...cells].map(widthOf)) }
  })
  const total = () => shown.reduce((sum, { width }) => sum + width + gap.length, -gap.length)
  while (window !== null && total() > window) {
    const spare = Math.max(...shown.map(({ column }) => column.spare ?? 0))
    if (spare === 0) break
    const last = shown.findLastIndex(({ column }) => (column.spare ?? 0) === spare)
    shown = shown.toSpliced(last, 1)
  }
  while (window !== null && total() > window) {
    const widest = shown.reduce((a, b) => (b.width > a.width ? b : a))
    if (widest.width <= narrowest) break
    widest.width = Math.max(narrowest, widest.width - (total() - window))
  }
  const line = (text: (one: (typeof shown)[number]) => string, head: boolean) =>
    shown
      .map((one, n) => {
        const cut = cutTo(text(one), one.width)
        const space = ' '.repeat(one.width - widthOf(cut))
        const colour = head ? 'dim' : (one.column.paint?.(text(one)) ?? null)
        if (one.column.align === 'right') return space + paint(colour, cut)
        return paint(colour, cut) + (n < shown.length - 1 ? space : '')
      })
      .join(gap)
      .trimEnd()
  return [
    line(({ column }) => column.title, true),
    ...rows.map((_, n) => line(({ cells }) => cells[n]!, false)),
  ]
}

/** Names and values under each other; long values go on below themselves. */
export function fields(
  pairs: readonly (readonly [string, string | number | null | undefined])[],
  window: number | null,
  paint: Painter,
): string[] {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
  const width = Math.max(0, ...shown.map(([name]) => name.length)) + gap.length
  return shown.flatMap(([name, value]) => {
    const lines = folded(plain(String(value)), window === null ? null : window - width)
    return lines.map((text, n) => paint('dim', (n === 0 ? name : '').padEnd(width)) + text)
  })
}

/** Broken at spaces where there are any. */
export function folded(text: string, width: number | null): string[] {
  if (width === null || widthOf(text) <= width) return [text]
  const most = Math.max(width, narrowest)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    let rest = word
    while (widthOf(rest) > most) {
      if (line) lines.push(line)
      line = ''
      lines.push([...rest].slice(0, most).join(''))
      rest = [...rest].slice(most).join('')
    }
    if (line && widthOf(line) + 1 + widthOf(rest) > most) {
      lines.push(line)
      line = rest
    } else line = line ? `${line} ${rest}` : rest
  }
  return [...lines, line]
}

const wideChars =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u

/** Cells of a terminal; marks that combine take none, letters of East Asia two. */
export function widthOf(text: string): number {
  let width = 0
  for (const char of text) width += /\p{M}/u.test(char) ? 0 : wideChars.test(char) ? 2 : 1
  return width
}

export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let cut = ''
  for (const char of text) {
    if (widthOf(cut + char) > width - 1) break
    cut += char
  }
  return `${cut}…`
}
