import { describe, expect, it } from 'vitest'
import { keyIdOf } from '#wire/signature.ts'
import { find } from '#wire/tree.ts'
import { enrol, fleetOf, hash, putApp } from '../fleet-of.fixture.ts'
import { rebuild } from '../snapshot/snapshot.ts'
import { decideKeys, keyViews } from './keys.ts'

const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(43)) as [string, string, string]
const known = { publicKeys: [a, b], signing: keyIdOf(a) }

describe('keys in snapshots', () => {
  it('are those that `rebuild` makes, in clusters of before and of after', () => {
    const fleet = fleetOf('eu-1', 'us-1')
    fleet.ask(putApp('shop'))
    fleet.ask({ type: 'add-key', newKey: c, known })
    const clusters = [{ name: 'ap-1', enrolmentTokenHash: hash }]
    fleet.ask({ type: 'init', epochId: '0'.repeat(16), clusters, adminTokenHash: null })
    for (const name of ['eu-1', 'us-1', 'ap-1']) {
      const { tree } = fleet.state().clusters.get(name)!
      expect(find(tree, 'keys')).toMatchObject({ publicKeys: [a, b, c] })
      expect(tree.root).toBe(rebuild(fleet.state(), name).root)
    }
  })

  it('stay as they are when another one signs, under a new revision of every cluster', () => {
    const fleet = fleetOf('eu-1', 'us-1')
    fleet.ask({ type: 'add-key', newKey: c, known })
    const before = fleet.state().clusters
    fleet.ask({ type: 'activate-key', keyId: keyIdOf(c), known })
    for (const { name, tree, revision } of fleet.state().clusters.values()) {
      expect(tree.root).toBe(before.get(name)!.tree.root)
      expect(revision).toBeGreaterThan(before.get(name)!.revision)
    }
    expect(keyViews(fleet.state(), fleet.fleet(), known).map(({ state }) => state)).toEqual([
      'spare',
      'spare',
      'signing',
    ])
  })
})

describe('changes of keys', () => {
  it('are refused while some agent reads only the former content format, and name it', () => {
    const fleet = fleetOf('eu-1')
    fleet.ask(enrol('eu-1', 'eu-1-a'))
    const former = { ...fleet.state(), format: 1 }
    const ruling = decideKeys(former, fleet.fleet(), { type: 'add-key', newKey: c, known })
    expect(ruling).toMatchObject({ rejection: { code: 'format-not-supported' } })
    expect(JSON.stringify(ruling)).toContain('eu-1-a')
  })

  it('wait for an agent that has not pinned every key that stays', () => {
    const fleet = fleetOf('eu-1')
    fleet.ask(enrol('eu-1', 'eu-1-a'))
    fleet.ask({ type: 'add-key', newKey: c, known })
    fleet.report('eu-1', 'eu-1-a', { pinnedKeys: [keyIdOf(a), keyIdOf(b)] })
    const retire = { type: 'retire-key', keyId: keyIdOf(b), known } as const
    expect(fleet.refused(retire)?.code).toBe('key-not-pinned')
    fleet.report('eu-1', 'eu-1-a', { pinnedKeys: [keyIdOf(a), keyIdOf(c)] })
    expect(fleet.ask(retire).kind).toBe('record')
  })
})
