/** Colours, where a person looks at a terminal that has them; elsewhere the text itself. */
import { styleText } from 'node:util'
import type { Screen } from './desk.ts'

export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

export const painter =
  ({ colours }: Pick<Screen, 'colours'>) =>
  (paint: Paint | null, text: string): string =>
    colours && paint ? styleText(paint, text, { validateStream: false }) : text

export type Painter = ReturnType<typeof painter>

const good = new Set(['live', 'current', 'active', 'ok', 'ready', 'prepared', 'done', 'completed'])
const bad = new Set(['aborted', 'refused', 'drifting', 'failing', 'silent', 'absent', 'stale'])
const gone = new Set(['retired', 'decommissioned', 'decommissioning', 'pending', 'unseen'])

/** Of a word of state. */
export function paintOf(word: string): Paint | null {
  const first = word.split(/[ ,]/)[0]!
  if (first === 'live' && word !== 'live') return 'yellow'
  if (good.has(first)) return 'green'
  if (bad.has(first)) return 'red'
  return gone.has(first) ? 'dim' : 'yellow'
}
