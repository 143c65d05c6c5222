import { describe, expect, it } from 'vitest'
import { releaseDocument } from './document.ts'
import type { ReleasePhase } from './release.ts'
import { releaseAsked } from './release-asked.ts'

const document = (spec: object = {}) =>
  releaseDocument.parse({
    apiVersion: 'switchyard.dev/v1',
    kind: 'Release',
    metadata: { name: 'shop' },
    spec: { app: 'shop', version: '2', ...spec },
  })
const release = (n: number, version: string, phase: ReleasePhase, more: object = {}) => ({
  id: `shop-r${n}`,
  app: 'shop',
  version,
  phase,
  clusters: ['eu-1', 'us-1'],
  undo: null,
  ...more,
})
const both = ['eu-1', 'us-1']

describe('a release that a document asks for', () => {
  it.each(['starting', 'ready', 'preparing', 'committing', 'progressing', 'live'] as const)(
    'is there when it is %s',
    (phase) => {
      const releases = [release(2, '2', phase), release(1, '1', 'live')]
      expect(releaseAsked(document(), both, releases)).toBe('shop-r2')
    },
  )

  it.each(['retired', 'aborted', 'decommissioning', 'decommissioned'] as const)(
    'is to be created again when it is %s',
    (phase) => {
      const releases = [release(2, '2', phase), release(1, '1', 'live')]
      expect(releaseAsked(document(), both, releases)).toBeNull()
      expect(releaseAsked(document({ version: '1' }), both, releases)).toBe('shop-r1')
    },
  )

  it('is not there when a newer one is on its way', () => {
    const releases = [release(3, '3', 'ready'), release(2, '2', 'live')]
    expect(releaseAsked(document(), both, releases)).toBeNull()
  })

  it('is judged in each cluster that it is for', () => {
    const releases = [
      release(3, '2', 'live', { clusters: ['us-1'] }),
      release(2, '2', 'live', { app: 'blog' }),
      release(1, '1', 'live'),
    ]
    expect(releaseAsked(document({ clusters: ['us-1'] }), both, releases)).toBe('shop-r3')
    expect(releaseAsked(document(), both, releases)).toBeNull()
    expect(releaseAsked(document(), both, [])).toBeNull()
  })

  it('is another one with another image of the same version', () => {
    const releases = [release(2, '2', 'live', { image: 'shop:2' })]
    expect(releaseAsked(document({ image: 'shop:2' }), both, releases)).toBe('shop-r2')
    expect(releaseAsked(document({ image: 'shop:2b' }), both, releases)).toBeNull()
    expect(releaseAsked(document({ deployment: 'green' }), both, releases)).toBeNull()
  })

  it('knows an undo by the release that it names', () => {
    const undo = document({ version: undefined, undo: 'shop-r1' })
    const releases = [release(2, '1', 'live', { undo: 'shop-r1' })]
    expect(releaseAsked(undo, both, releases)).toBe('shop-r2')
    expect(releaseAsked(undo, both, [release(2, '1', 'live')])).toBeNull()
  })
})
