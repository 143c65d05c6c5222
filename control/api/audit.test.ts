import { expect, it } from 'vitest'
import { entryOf } from './audit.ts'

it('an entry shows a token that is for one app nothing of what is told of others', () => {
  const text = JSON.stringify({
    at: 1,
    actor: 'alice',
    reason: 'why of secret',
    origin: { address: '10.0.0.1', client: null },
    input: { kind: 'intent', type: 'pause-release' },
    answer: { status: 202, body: {} },
    events: [
      { type: 'release-paused', v: 1, release: 'secret-r1', reason: null },
      { type: 'drain-deadline-passed', v: 1, release: 'shop-r1' },
    ],
  })
  const entry = (apps: readonly string[] | null) =>
    entryOf({ position: 7, text }, { apps, clusters: null })
  expect(entry(null).words).toHaveLength(2)
  expect(entry(['shop'])).toMatchObject({
    revision: 7,
    origin: null,
    reason: null,
    type: null,
    events: [{ type: 'drain-deadline-passed' }],
  })
  expect(JSON.stringify(entry(['shop']))).not.toContain('secret')
  expect(entry(['secret'])).toMatchObject({ reason: 'why of secret', type: 'pause-release' })
})
