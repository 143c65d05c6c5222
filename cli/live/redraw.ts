/**
 * Draws lines over the lines that were drawn before: up, over, and what is left is cleared, in one write,
 * so that nothing flickers. What would not fit the window's height is cut, because a terminal cannot go
 * back above its top.
 */
import { stripVTControlCharacters } from 'node:util'
import type { Screen } from '../desk.ts'
import { widthOf } from '../table.ts'

export interface Redraw {
  draw(lines: readonly string[]): void
  /** The last drawing stays; the cursor is below it and seen again. */
  end(): void
}

const hideCursor = '\u001b[?25l'
export const showCursor = '\u001b[?25h'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'
const up = (count: number) => (count > 0 ? `\u001b[${count}A\r` : '\r')

export function createRedraw(screen: Screen): Redraw {
  let drawn: readonly string[] = []
  /** Rows that a line takes now: the window may have been made narrower since it was drawn. */
  const rowsOf = (line: string) =>
    Math.max(1, Math.ceil(widthOf(stripVTControlCharacters(line)) / (screen.columns() ?? 80)))
  return {
    draw(lines) {
      const most = Math.max(3, (screen.rows() ?? 24) - 1)
      const shown = lines.length > most ? [...lines.slice(0, most - 1), '…'] : lines
      const back = drawn.reduce((sum, line) => sum + rowsOf(line), 0)
      const body = shown.map((line) => `${line}${clearLine}\n`).join('')
      screen.write(`${hideCursor}${up(back)}${body}${clearBelow}`)
      drawn = shown
    },
    end() {
      if (drawn.length > 0) screen.write(showCursor)
      drawn = []
    },
  }
}
