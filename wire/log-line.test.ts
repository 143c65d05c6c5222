import { describe, expect, it } from 'vitest'
import { createSay, type LogFields, type LogFormat } from './log-line.ts'

const secret = `swy_admin_${'s'.repeat(43)}`

function said(format: LogFormat, text: string, fields: LogFields = {}): string {
  let written = ''
  const say = createSay({
    format,
    base: { program: 'pilot', cluster: 'eu-1', agent: 'eu-1-a' },
    now: () => 1_700_000_000_123,
    write: (line) => {
      written += line
    },
  })
  say('message-refused', text, fields)
  return written
}

describe('a log line', () => {
  it('is one JSON object with time, level, code, who and fields', () => {
    const line = said('json', 'refused wrong-epoch', { refusal: 'wrong-epoch', revision: 7 })
    expect(line.endsWith('}\n')).toBe(true)
    expect(JSON.parse(line)).toEqual({
      time: '2023-11-14T22:13:20.123Z',
      level: 'warn',
      code: 'message-refused',
      program: 'pilot',
      cluster: 'eu-1',
      agent: 'eu-1-a',
      refusal: 'wrong-epoch',
      revision: 7,
      text: 'refused wrong-epoch',
    })
  })

  it('stays one line of JSON whatever is said', () => {
    const line = said('json', 'a\nb\u001b[31m"c"\u2028', { name: 'x\ny' })
    expect(line.trimEnd().split('\n')).toHaveLength(1)
    expect(JSON.parse(line).text).toBe('a\nb [31m"c"\u2028')
  })

  it('is text for people', () => {
    expect(said('text', 'refused wrong-epoch', { revision: 7, why: 'not ours', none: null })).toBe(
      '22:13:20.123 warn  pilot eu-1-a: refused wrong-epoch [message-refused] revision=7 why="not ours"\n',
    )
  })

  it.each<[LogFormat]>([['json'], ['text']])('never holds a secret (%s)', (format) => {
    const line = said(format, `http://c/#${secret} nats://control:hunter2@nats:4222`, {
      header: `authorization: Bearer ${'x'.repeat(20)}`,
      webhook: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      list: [secret],
    })
    expect(line).not.toMatch(/s{43}|hunter2|x{20}|MfKQ9r8/)
    expect(line).toContain('swy_admin_…')
    expect(line).toContain('nats://…@nats:4222')
  })

  it('is bounded', () => {
    expect(said('json', 'x'.repeat(1_000_000)).length).toBeLessThan(5_000)
  })
})
