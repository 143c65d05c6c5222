/** A line of a log is read alone: it says of each agent in which cluster it is. */
import { expect, test } from 'vitest'
import type { Release } from '../answers.ts'
import { agentWords } from './words.ts'

test('agents of two clusters that have one name are told apart', () => {
  const agent = 'switchyard-agent-0'
  const agents = [
    { cluster: 'eu-1', agent, state: 'prepared' },
    { cluster: 'us-1', agent, state: 'silent' },
  ]
  expect(agentWords({ phase: 'preparing', agents } as unknown as Release)).toBe(
    '1/2 agents prepared, us-1/switchyard-agent-0 silent',
  )
})
