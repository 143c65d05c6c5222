import { expect, it } from 'vitest'
import { releaseIntent } from '#wire/release.ts'
import { Failure } from './failure.ts'
import { planOf, steps, waves } from './release-plan.ts'
import { durationWords, parseDuration } from './times.ts'

it('steps and waves are read as they are said', () => {
  expect(steps('10, 25:5m,50@eu-1+us-1:promote')).toEqual([
    { weight: 10 },
    { weight: 25, pause: { forMs: 300_000 } },
    { weight: 50, clusters: ['eu-1', 'us-1'], pause: { until: 'promote' } },
  ])
  expect(waves('eu-1:10m; us-1, us-2:promote')).toEqual([
    { clusters: ['eu-1'], pause: { forMs: 600_000 } },
    { clusters: ['us-1', 'us-2'], pause: { until: 'promote' } },
  ])
})

it.each([['101'], ['x'], ['10:'], ['10:soon'], ['10:0s'], ['']])('"%s" is no step', (text) => {
  expect(() => steps(text)).toThrow(Failure)
})
it.each([['EU_1'], ['eu-1:later'], [';']])('"%s" is no wave', (text) => {
  expect(() => waves(text)).toThrow(Failure)
})

it('every flag becomes its field, and the API takes it', () => {
  const shared = { cluster: ['eu-1'], waves: 'eu-1:1m', whenSilent: 'proceed', deadline: 9_000 }
  const canary = planOf({
    ...shared,
    steps: '10:1m',
    previewPath: '/test',
    previewHeader: 'x-preview: yes',
    previewHost: 'new.shop.example',
    previewLinks: true,
    targetHeader: 'x-team=blue',
    targetCookie: 'canary=1',
    autoPromote: true,
  })
  const rolling = planOf({
    maxSurge: '1',
    maxUnavailable: '25%',
    minReady: 1_000,
    progressDeadline: 60_000,
    autoPromote: false,
  })
  const base = { app: 'shop', version: '2' }
  expect(releaseIntent.parse({ ...base, ...canary })).toMatchObject({
    strategy: 'canary',
    preview: { path: '/test', header: { name: 'x-preview', value: 'yes' }, links: true },
    target: { header: { name: 'x-team', value: 'blue' }, cookie: { name: 'canary', value: '1' } },
    deadlineMs: 9_000,
    autoPromote: true,
  })
  expect(releaseIntent.parse({ ...base, ...rolling })).toMatchObject({
    strategy: 'rolling',
    rolling: { maxSurge: 1, maxUnavailable: '25%', minReadyMs: 1_000 },
    autoPromote: false,
  })
  expect(planOf({ strategy: 'blue-green' })).toEqual({ strategy: 'blueGreen' })
  expect(planOf({})).toEqual({})
})

it('durations are read and written', () => {
  expect(['90s', '1h30m', '500ms', '2', '1.5m', 'x', '5x', ''].map(parseDuration)).toEqual([
    90_000,
    5_400_000,
    500,
    2_000,
    90_000,
    null,
    null,
    null,
  ])
  expect([5, 12_000, 300_000, 5_400_000, 90_000_000].map(durationWords)).toEqual([
    '5ms',
    '12s',
    '5m',
    '1h30m',
    '1d1h',
  ])
})
