/** Who waits for an intent to come true. */
import { describe, expect, it } from 'vitest'
import { putApp, start } from './turn.fixture.ts'
import { waitersMax } from './turn-waiters.ts'

describe('waiting', () => {
  const never = () => false
  const { signal } = new AbortController()

  it('ends when it is true, when the time is up, when nobody wants it, and at the end', async () => {
    const { ask, turns } = await start()
    expect(await turns.waitFor(() => true, 1, signal)).toBe(true)
    expect(await turns.waitFor(never, 5, signal)).toBe(false)
    const gone = new AbortController()
    const wanted = turns.waitFor(never, 60_000, gone.signal)
    gone.abort()
    expect(await wanted).toBe(false)
    const known = turns.waitFor((state) => state.apps.size === 1, 60_000, signal)
    await ask(putApp())
    expect(await known).toBe(true)
    const atEnd = turns.waitFor(never, 60_000, signal)
    await turns.stop()
    expect(await atEnd).toBe(false)
  })

  it(`is for at most ${waitersMax} at once`, async () => {
    const { turns } = await start()
    const waiting = Array.from({ length: waitersMax }, () => turns.waitFor(never, 60_000, signal))
    expect(await turns.waitFor(never, 60_000, signal)).toBe(false)
    await turns.stop()
    expect(await Promise.all(waiting)).not.toContain(true)
  })
})
