import { expect, it } from 'vitest'
import { crashAt, crashingLog } from './crash-points.ts'
import type { Log } from './log/log.ts'

const crash = () => {}

it('nothing happens without a specification, and a wrong one is not ignored', () => {
  void crashAt(undefined, crash)('append')
  void crashAt('', crash)('append')
  for (const wrong of ['flight', 'append:0', 'append:x', 'append:-1', ':1']) {
    expect(() => crashAt(wrong, crash), wrong).toThrow('is not <step>[:n]')
  }
})

it('the steps of a log come before and after the write', async () => {
  const seen: string[] = []
  const log: Log = {
    head: async () => 0,
    append: async () => {
      seen.push('written')
      return 1
    },
    read: async () => [],
    close: async () => {},
  }
  await crashingLog(log, (step) => void seen.push(step)).append(0, '{}')
  expect(seen).toEqual(['append', 'written', 'appended'])
})
