/** Undo: the way back that is a release of its own. */
import { describe, expect, it } from 'vitest'
import { createRelease } from '../fleet-of.fixture.ts'
import { shop } from './shop.fixture.ts'

describe('undo', () => {
  it('is a new release of a former version', () => {
    const { ask, refused, settle, view } = shop()
    ask(createRelease('shop', { version: '2', autoPromote: true }))
    settle()
    const undo = (id: string) => createRelease('shop', { version: undefined, undo: id })
    expect(refused(undo('shop-r9'))?.code).toBe('unknown-release')
    ask(undo('shop-r1'))
    expect(view('shop-r3')).toMatchObject({ version: '1', undo: 'shop-r1' })
  })
})
