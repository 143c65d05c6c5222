import { expect, it } from 'vitest'
import type { Endpoints } from '../../link.ts'
import type { Progress } from '../convergence.ts'
import { createNews } from './news.ts'

const list = (...ports: number[]) => ports.map((port) => ({ address: '10.0.0.1', port }))

const progress = (arrived: Endpoints): Progress => ({
  held: null,
  standings: new Map(),
  applied: new Map(),
  endpoints: arrived,
  arrived,
  served: arrived,
  workers: [],
  equal: true,
  drift: null,
  ready: true,
})

it('is how many endpoints releases have, and not which', () => {
  const told: string[] = []
  const news = createNews({
    reporter: () => ({ now: () => told.push('now'), soon: () => told.push('soon') }),
    usage: () => ({ inUse: {}, requests: {}, errors: {}, failures: {}, connections: 0 }),
    onSwitched: () => {},
  })
  const after = (arrived: Endpoints, urgent = false) => {
    told.length = 0
    news.progressed(progress(arrived), urgent)
    return told.join()
  }
  const both = { 'shop-r1': list(1, 2), 'shop-r2': list(3) }
  expect(after(both)).toBe('soon')
  expect(after(both)).toBe('')
  expect(after({ 'shop-r1': list(1, 4), 'shop-r2': list(5) })).toBe('')
  expect(after({ 'shop-r1': list(1), 'shop-r2': list(5) })).toBe('soon')
  expect(after({ 'shop-r1': list(1) }), 'one is gone').toBe('soon')
  expect(after({ 'shop-r1': list(1), 'shop-r3': [] }), 'one has come').toBe('soon')
  expect(after({ 'shop-r1': list(1, 2), 'shop-r3': [] }, true)).toBe('now')
  expect(after({ 'shop-r1': list(3, 4), 'shop-r3': [] }), 'it was said with what was urgent').toBe(
    '',
  )
  news.stop()
})
