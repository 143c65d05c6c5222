import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type EventOf, event } from '../event.ts'
import { parseRecord } from '../record.ts'
import { eventTypes, sentenceOf } from './sentence.ts'

const known = event.options.map((option) => option.shape.type.value).sort()

test('every event type has a sentence', () => {
  expect(eventTypes).toEqual(known)
})

test('a whole history reads as sentences that hold no secret', () => {
  const file = new URL('../golden/log-1.json', import.meta.url)
  const { records } = JSON.parse(readFileSync(file, 'utf8')) as { records: string[] }
  const said = records.flatMap((text, index) =>
    parseRecord(text, index + 1).events.map((one) => sentenceOf(one)),
  )
  for (const sentence of said) {
    expect(sentence).toMatch(/^[A-Z].*[^.]\.$/)
    expect(sentence).not.toMatch(/[0-9a-f]{16}|undefined|object Object/)
  }
})

test('a switch says who went without it, and how far apart the agents were', () => {
  const completed: EventOf<'switch-completed'> = {
    type: 'switch-completed',
    v: 1,
    app: 'shop',
    generation: 9,
    except: [
      { cluster: 'eu-1', agent: 'switchyard-agent-0' },
      { cluster: 'us-1', agent: 'switchyard-agent-0' },
    ],
    evidence: [],
    skewMs: 2.34,
    skewErrorMs: 1,
  }
  expect(sentenceOf(completed)).toBe(
    'The switch of shop (generation 9) is complete without eu-1/switchyard-agent-0 and us-1/switchyard-agent-0, 2.3 ms between the first and the last agent.',
  )
})
