import { expect, it } from 'vitest'
import { bar } from './frame.ts'
import { createRedraw } from './redraw.ts'

function screenOf(columns: number, rows: number) {
  const written: string[] = []
  const size = { columns, rows }
  const screen = {
    write: (text: string) => void written.push(text),
    columns: () => size.columns,
    rows: () => size.rows,
    colours: false,
  }
  return { written, size, redraw: createRedraw(screen) }
}

it('the second drawing covers the first, line for line, and clears what is left', () => {
  const { written, redraw } = screenOf(80, 24)
  redraw.draw(['one', 'two', 'three'])
  redraw.draw(['one'])
  redraw.end()
  expect(written).toEqual([
    '\u001b[?25l\rone\u001b[K\ntwo\u001b[K\nthree\u001b[K\n\u001b[J',
    '\u001b[?25l\u001b[3A\rone\u001b[K\n\u001b[J',
    '\u001b[?25h',
  ])
})

it('a window that was made narrower has folded the lines: it goes back over all of them', () => {
  const { written, size, redraw } = screenOf(80, 24)
  redraw.draw(['x'.repeat(60)])
  size.columns = 20
  redraw.draw(['y'])
  expect(written[1]).toContain('\u001b[3A\r')
})

it('what is higher than the window is cut', () => {
  const { written, redraw } = screenOf(80, 5)
  redraw.draw(Array.from({ length: 10 }, (_, n) => `line ${n}`))
  expect(written[0]!.match(/\n/g)).toHaveLength(4)
  expect(written[0]).toContain('…')
})

it('nothing drawn, nothing shown', () => {
  const { written, redraw } = screenOf(80, 5)
  redraw.end()
  expect(written).toEqual([])
})

it('a bar shows what is new and ready, new, and still old', () => {
  expect(bar({ copies: 4, updated: 2, ready: 1 })).toBe(`${'█'.repeat(5)}▒▒▒▒▒${'░'.repeat(10)}`)
  expect(bar({ copies: 0, updated: 0, ready: 0 })).toBe('░'.repeat(20))
})
