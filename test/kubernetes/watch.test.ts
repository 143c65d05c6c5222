/** A watch tells every event, and begins anew when what watches has ended, as with an API server that goes. */
import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { watchObjects } from './watch.ts'

test('each line is an event; after an end it begins anew', async () => {
  const asked: (readonly string[])[] = []
  const seen: unknown[] = []
  const { stop } = watchObjects(
    (args, options) => {
      asked.push(args)
      const event = JSON.stringify({ type: 'ADDED', object: { n: asked.length } })
      return spawn('echo', [event], options)
    },
    ['pods', '-n', 'shop'],
    (event) => seen.push(event),
    1,
  )
  await until(
    'it has begun again',
    () => seen.length,
    (count) => count >= 3,
  )
  stop()
  expect(seen.slice(0, 3)).toEqual([1, 2, 3].map((n) => ({ type: 'ADDED', object: { n } })))
  expect(asked[0]!.slice(0, 4)).toEqual(['get', 'pods', '-n', 'shop'])
})
