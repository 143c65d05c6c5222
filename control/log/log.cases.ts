/**
 * The contract of the event log: every adapter runs these cases. `reopen` gives a new handle on the same
 * stored bytes, as after a restart.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Log } from './log.ts'

export interface LogUnderTest {
  open(): Promise<Log>
  cleanUp(): Promise<void>
}

export function logCases(name: string, make: () => Promise<LogUnderTest>): void {
  describe(`the event log, ${name}`, () => {
    let place: LogUnderTest
    let log: Log
    beforeEach(async () => {
      place = await make()
      log = await place.open()
    })
    afterEach(async () => {
      await log.close()
      await place.cleanUp()
    })

    it('is empty at first', async () => {
      expect(await log.head()).toBe(0)
      expect(await log.read(0, 10)).toEqual([])
    })

    it('appends at the expected position and counts from 1 without gaps', async () => {
      for (let i = 0; i < 5; i++) expect(await log.append(i, `{"n":${i}}`)).toBe(i + 1)
      expect(await log.head()).toBe(5)
      expect((await log.read(0, 10)).map((record) => record.position)).toEqual([1, 2, 3, 4, 5])
    })

    it('answers conflict and writes nothing when the head is elsewhere', async () => {
      await log.append(0, '"first"')
      for (const expected of [0, 2, 7]) expect(await log.append(expected, '"x"')).toBe('conflict')
      expect(await log.read(0, 10)).toEqual([{ position: 1, text: '"first"' }])
    })

    it('lets exactly one of many concurrent appends at one position win', async () => {
      const results = await Promise.all(Array.from({ length: 20 }, (_, i) => log.append(0, `${i}`)))
      expect(results.filter((result) => result === 1)).toHaveLength(1)
      expect(results.filter((result) => result === 'conflict')).toHaveLength(19)
      expect(await log.head()).toBe(1)
    })

    it('keeps one order for two handles', async () => {
      const other = await place.open()
      expect(await log.append(0, '"a"')).toBe(1)
      expect(await other.append(0, '"b"')).toBe('conflict')
      expect(await other.append(1, '"b"')).toBe(2)
      expect((await log.read(0, 10)).map((record) => record.text)).toEqual(['"a"', '"b"'])
      await other.close()
    })

    it('reads after a position, in order, at most the limit', async () => {
      for (let i = 0; i < 10; i++) await log.append(i, `${i}`)
      expect((await log.read(3, 4)).map((record) => record.position)).toEqual([4, 5, 6, 7])
      expect(await log.read(10, 4)).toEqual([])
      expect(await log.read(99, 4)).toEqual([])
      expect(await log.read(0, 0)).toEqual([])
    })

    it('keeps the very bytes, whatever they are', async () => {
      const texts = [
        '{"emoji":"🚉","nul":"\\u0000"}',
        '"Zürich \u2028"',
        `"${'x'.repeat(1_048_576)}"`,
      ]
      for (const [i, text] of texts.entries()) await log.append(i, text)
      expect((await log.read(0, 10)).map((record) => record.text)).toEqual(texts)
    })

    it('holds everything after it was closed and opened again', async () => {
      for (let i = 0; i < 3; i++) await log.append(i, `${i}`)
      await log.close()
      log = await place.open()
      expect(await log.head()).toBe(3)
      expect(await log.append(3, '"next"')).toBe(4)
      expect((await log.read(0, 10)).map((record) => record.text)).toEqual([
        '0',
        '1',
        '2',
        '"next"',
      ])
    })

    it('may be closed twice', async () => {
      await log.close()
      await log.close()
    })
  })
}
