/** Who may answer when, as the verdict is told. */
import { expect, test } from 'vitest'
import { createHistory } from './history.ts'

const versions = (history: { allowed: readonly { version: string; toMs?: number }[] }) =>
  history.allowed
    .map(({ version, toMs }) => `${version}${toMs === undefined ? ' open' : ''}`)
    .sort()

test('both versions may answer while traffic is moved, the new one alone afterwards', async () => {
  const history = createHistory('1')
  const { answer, calledMs, answeredMs } = await history.move('2', async () => {
    expect(versions(history)).toEqual(['1 open', '2 open'])
    return 'done'
  })
  expect(answer).toBe('done')
  expect(answeredMs).toBeGreaterThanOrEqual(calledMs)
  expect(versions(history)).toEqual(['1', '2 open'])
  expect(history.current).toBe('2')
})

test('a move that throws, or that says it has not moved, leaves the former version', async () => {
  const history = createHistory('1')
  await expect(
    history.move('2', async () => {
      throw new Error('refused')
    }),
  ).rejects.toThrow('refused')
  await history.move(
    '2',
    async () => 'aborted',
    (answer) => answer !== 'aborted',
  )
  expect(history.current).toBe('1')
  expect(versions(history)).toEqual(['1 open', '2', '2'])
})

test('moving to where traffic is already changes nothing', async () => {
  const history = createHistory('1')
  await history.move('1', async () => {})
  expect(versions(history)).toEqual(['1 open'])
})

test('several share the traffic until one of them has it alone', async () => {
  const history = createHistory('1')
  await history.move(['2', '1'], async () => {})
  expect(versions(history)).toEqual(['1 open', '2 open'])
  await history.move(['2', '1'], async () => {})
  expect(versions(history)).toEqual(['1 open', '2 open'])
  expect(history.current).toBe('2')
  await history.move('2', async () => {})
  expect(versions(history)).toEqual(['1', '2 open'])
})
