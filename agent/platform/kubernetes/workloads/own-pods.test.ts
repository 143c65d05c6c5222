import { describe, expect, it } from 'vitest'
import { aboutOwnPods } from './own-pods.ts'

const template = { app: 'shop', team: 'a' }
const own = { 'switchyard.dev/deployment': 'shop-r2' }
const about = (spec: Readonly<Record<string, unknown>>) =>
  aboutOwnPods(spec, template, { team: 'a', ...own }, own)
const spread = (labelSelector: unknown) => ({
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', labelSelector }],
})

describe('what a template says of its own pods', () => {
  it.each([
    { matchLabels: { app: 'shop' } },
    { matchLabels: template },
    { matchExpressions: [{ key: 'app', operator: 'In', values: ['shop', 'cart'] }] },
    { matchExpressions: [{ key: 'app', operator: 'Exists' }], matchLabels: { team: 'a' } },
  ])('is said of those that are made of it: %j', (selector) => {
    expect(about(spread(selector))).toEqual(spread({ matchLabels: own }))
  })

  it.each([
    { matchLabels: { app: 'cart' } },
    { matchLabels: { team: 'a' } },
    { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['shop'] }] },
    { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] },
    undefined,
  ])('and what it says of others, or holds for these too, stays: %j', (selector) => {
    expect(about(spread(selector))).toEqual(spread(selector))
  })

  it('goes for affinity, required or preferred, and changes nothing else', () => {
    const affinity = (labelSelector: unknown) => ({
      nodeAffinity: { required: { nodeSelectorTerms: [] } },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'host', labelSelector }],
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: { topologyKey: 'zone', labelSelector } },
        ],
      },
    })
    const spec = { affinity: affinity({ matchLabels: { app: 'shop' } }), containers: [] }
    expect(about(spec)).toEqual({ affinity: affinity({ matchLabels: own }), containers: [] })
  })
})
