/** The rules, the programs and the page about them hold together. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { createMetrics } from '../../agent/pilot/admin/metrics.ts'
import { startControl } from '../../control/control-under-test.ts'
import { alertNames, hurried, metricNames, rulesText } from './rules.ts'

test('every metric that a rule names is exposed by control or by an agent', async () => {
  const control = await startControl(['eu-1'])
  const { text } = await control.call('GET', '/metrics')
  await control.stop()
  const usage = { inUse: {}, requests: {}, errors: {}, failures: {}, connections: 0 }
  const progress = {
    held: null,
    standings: new Map(),
    applied: new Map(),
    endpoints: {},
    served: {},
    arrived: {},
    workers: [],
    equal: true,
    drift: null,
    ready: true,
  }
  const agent = createMetrics(() => ({ progress, usage, refusals: [], stale: false }))
  const exposed = `${text}\n${await agent.render()}`
  const missing = metricNames.filter((name) => !exposed.includes(`# TYPE ${name} `))
  expect(metricNames.length).toBeGreaterThan(10)
  expect(missing).toEqual([])
})

test('every alert has a summary, a description and a section of the page that says what to do', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/monitoring.md'), 'utf8')
  const rules = rulesText.split(/^ *- alert: /m).slice(1)
  expect(rules).toHaveLength(alertNames.length)
  for (const [n, rule] of rules.entries()) {
    const name = alertNames[n]!
    expect(rule, name).toMatch(/summary: .+\n/)
    expect(rule, name).toMatch(/description: .+\n/)
    expect(rule, name).toMatch(/severity: (critical|warning|info)/)
    expect(rule, name).toContain(`docs/monitoring.md#${name.toLowerCase()}\n`)
    expect(page, name).toContain(`### ${name}\n`)
  }
})

test('a hurried rule differs in its durations alone', () => {
  const text = hurried(60)
  expect(text).toContain('for: 15000ms')
  expect(text).toContain('[2000ms]')
  expect(text).not.toMatch(/for: \d+[smh]$|\[\d+[smh]\]/m)
  expect(text.replaceAll(/\d+ms/g, '')).toBe(
    rulesText.replaceAll(/(?<=for: |\[)\d+[smh](?=\]|$)/gm, ''),
  )
})
