import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SnapshotObject } from '#wire/object.ts'
import { type AgentUnderTest, enrolAgent } from '../agent-under-test.ts'
import { type ControlUnderTest, shop, startControl } from '../control-under-test.ts'
import { entryOf } from './audit.ts'

interface Entry {
  readonly revision: number
  readonly actor: string
  readonly type: string | null
  readonly status: number | null
  readonly words: readonly string[]
  readonly events: readonly { readonly type: string }[]
}

describe('blame and audit of a life with switches', () => {
  let control: ControlUnderTest
  let agent: AgentUnderTest
  const moved: Record<string, number> = {}

  /** The agent does at once what the snapshot asks for. */
  async function follow() {
    const snapshot = await control.call('GET', '/v1/clusters/eu-1/snapshot')
    const objects = snapshot.body.objects as unknown as SnapshotObject[]
    const positions = Object.fromEntries(
      objects.flatMap((object) => {
        if (object.kind !== 'position') return []
        const prepared = object.next?.generation ?? 0
        return [[object.app, { prepared, active: object.generation, appliedMs: 1, activeForMs: 1 }]]
      }),
    )
    const releases = objects.flatMap((one) => (one.kind === 'backend' ? [one.release] : []))
    const readyEndpoints = Object.fromEntries(releases.map((id) => [id, 1]))
    await agent.report({ positions, readyEndpoints })
  }
  async function settle(name: string) {
    for (let before = -1; before !== control.head(); ) {
      before = control.head()
      await follow()
    }
    moved[name] = control.head()
  }
  const post = (path: string, body: object = {}) => control.call('POST', path, { body })
  const release = async (version: string) => {
    await post('/v1/releases', { app: 'shop', version, preview: { path: '/test' } })
    await settle(`${version} is ready`)
  }
  const blame = (body: object, cluster = 'eu-1') => post(`/v1/clusters/${cluster}/blame`, body)
  const root = { host: 'shop.example', path: '/' }

  beforeAll(async () => {
    control = await startControl(['eu-1'])
    agent = await enrolAgent(control, 'eu-1', 'eu-1-a')
    await control.call('PUT', '/v1/apps/shop', { body: { ...shop, clusters: ['eu-1'] } })
    moved.app = control.head()
    await release('1')
    await release('2')
    await post('/v1/releases/shop-r2/promote')
    await settle('2')
    await post('/v1/releases/shop-r2/rollback')
    moved.rolledBack = control.head()
    await settle('1 again')
    // Nothing of this can change what the shop answers.
    await control.call('PUT', '/v1/apps/toys', {
      body: { ...shop, clusters: ['eu-1'], hosts: ['toys.example'] },
    })
    await settle('toys')
  })
  afterAll(() => control.stop())

  it('names the rollback, and what was answered before it', async () => {
    const { body } = await blame(root)
    expect(body).toMatchObject({
      cluster: 'eu-1',
      answer: { status: 200, destination: { releases: [{ release: 'shop-r1', weight: 1 }] } },
      since: { revision: moved.rolledBack, actor: 'admin', type: 'rollback-release', status: 202 },
      before: { status: 200, destination: { releases: [{ release: 'shop-r2', weight: 1 }] } },
    })
    const { words, events } = body.since as unknown as Entry
    expect(words.join(' ')).toMatch(/shop/)
    expect(events.map(({ type }) => type)).toContain('rollback-decided')
  })

  it('names the intent behind what the fleet decided', async () => {
    const promoted = await blame({ ...root, revision: moved['2'] })
    expect(promoted.body.intent).toMatchObject({
      actor: 'admin',
      type: 'promote-release',
      words: [expect.stringContaining('shop-r2')],
    })
    // The first release went live by itself.
    const first = await blame({ ...root, revision: moved['1 is ready'] })
    expect(first.body.since).toMatchObject({ actor: 'fleet' })
    expect(first.body.intent).toMatchObject({ type: 'create-release', actor: 'admin' })
    const { since, intent } = (await blame(root)).body
    expect(intent).toEqual(since)
    expect((await blame({ host: 'nobody.example', path: '/' })).body.intent).toBeNull()
  })

  it('looks from a moment of the past, by revision and by instant', async () => {
    const then = await blame({ ...root, revision: moved['2'] })
    expect(then.body).toMatchObject({
      answer: { destination: { releases: [{ release: 'shop-r2', weight: 1 }] } },
      before: { destination: { releases: [{ release: 'shop-r1', weight: 1 }] } },
    })
    const since = then.body.since as unknown as Entry
    expect(since.events.map(({ type }) => type)).toContain('commit-decided')
    expect(since).toMatchObject({ actor: 'fleet', type: null })
    const now = await blame({ ...root, at: new Date().toISOString() })
    expect(now.body.since).toMatchObject({ revision: moved.rolledBack })
  })

  it('knows since when nothing answers, and what never was another', async () => {
    const preview = await blame({ host: 'shop.example', path: '/test/cart' })
    expect(preview.body).toMatchObject({ answer: { status: 200 } })
    const never = await blame({ host: 'nobody.example', path: '/' })
    expect(never.body).toMatchObject({ answer: { status: 404 }, since: null, before: null })
    const malformed = await blame({ host: 'shop.example', path: '/%00' })
    expect(malformed.body).toMatchObject({ answer: { status: 400 }, since: null })
  })

  it('refuses what it cannot answer', async () => {
    expect((await blame(root, 'nowhere')).body.code).toBe('unknown-cluster')
    expect((await blame({ ...root, revision: 0 })).body.code).toBe('unknown-cluster')
    expect((await blame({ ...root, revision: 10_000 })).status).toBe(400)
    expect((await blame({ ...root, revision: 1, at: '2026-01-01T00:00:00Z' })).status).toBe(400)
    expect((await blame({ ...root, at: '2999-01-01T00:00:00Z' })).status).toBe(400)
  })

  it('shows what was decided and not acknowledged by then', async () => {
    const at = (revision: number) =>
      control.call('GET', `/v1/clusters/eu-1/snapshot?revision=${revision}`)
    const { served } = (await at(moved.rolledBack!)).body as unknown as {
      served: { unacknowledged: { app: string; acknowledgedAtMs: number | null }[] }
    }
    expect(served.unacknowledged).toEqual([
      {
        app: 'shop',
        generation: moved.rolledBack,
        committedAtMs: expect.any(Number),
        acknowledgedAtMs: expect.any(Number),
        except: [],
      },
    ])
    expect((await at(moved['1 again']!)).body.served).toMatchObject({ unacknowledged: [] })
  })

  describe('the audit', () => {
    const audit = async (query = '') => {
      const { body, status } = await control.call('GET', `/v1/audit${query}`)
      expect(status).toBe(200)
      return body as unknown as { entries: Entry[]; next: string | null }
    }

    it('has every record, newest first, without secrets', async () => {
      const { entries, next } = await audit('?limit=500')
      expect(entries.map(({ revision }) => revision)).toEqual(
        Array.from({ length: control.head() }, (_, n) => control.head() - n),
      )
      expect(next).toBeNull()
      expect(JSON.stringify(entries)).not.toMatch(/tokenHash|secret/i)
      const [promote] = entries.filter(({ type }) => type === 'promote-release')
      expect(promote).toMatchObject({ actor: 'admin', status: 202 })
      for (const { events, words } of entries) expect(words).toHaveLength(events.length)
    })

    it('goes on page by page', async () => {
      const all = (await audit('?limit=500')).entries
      const paged: Entry[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page = await audit(`?limit=3${cursor && `&cursor=${cursor}`}`)
        expect(page.entries.length).toBeLessThanOrEqual(3)
        paged.push(...page.entries)
        cursor = page.next
      }
      expect(paged).toEqual(all)
    })

    it('filters by app, release, cluster, actor, type and time', async () => {
      const revisions = async (query: string) =>
        (await audit(query)).entries.map(({ revision }) => revision)
      const all = (await audit('?limit=500')).entries
      const where = (has: (entry: Entry) => boolean) => all.filter(has).map((one) => one.revision)
      expect(await revisions('?type=rollback-release')).toEqual([moved.rolledBack])
      expect(await revisions('?type=commit-decided')).toEqual(
        where(({ events }) => events.some(({ type }) => type === 'commit-decided')),
      )
      expect(await revisions('?app=toys')).toEqual([moved.toys])
      expect(await revisions('?actor=fleet&limit=500')).toEqual(
        where(({ actor }) => actor === 'fleet'),
      )
      expect(await revisions('?release=shop-r2&type=rollback-release')).toEqual([moved.rolledBack])
      expect(await revisions('?release=shop-r9')).toEqual([])
      expect((await revisions('?cluster=eu-1')).length).toBeGreaterThan(3)
      const [from, to] = [moved.app!, moved['2']!]
      expect(await revisions(`?from=${from}&to=${to}&limit=500`)).toEqual(
        where(({ revision }) => revision >= from && revision <= to),
      )
      expect(await revisions('?from=1999-01-01T00:00:00Z&limit=500')).toHaveLength(all.length)
      expect(await revisions(`?from=${new Date(Date.now() - 1).toISOString()}`)).toEqual([])
    })

    it('says from where and why, where the record has it', () => {
      const record = {
        at: 0,
        actor: 'alice',
        input: { kind: 'intent', type: 'revoke-token' },
        origin: { address: '127.0.0.1', client: 'switchyard/1' },
        reason: 'left the team',
        answer: { status: 200, body: {} },
        events: [{ type: 'token-revoked', v: 1, name: 'bob' }],
      }
      expect(entryOf({ position: 7, text: JSON.stringify(record) })).toEqual({
        revision: 7,
        atMs: 0,
        at: '1970-01-01T00:00:00.000Z',
        actor: 'alice',
        origin: { address: '127.0.0.1', client: 'switchyard/1' },
        reason: 'left the team',
        type: 'revoke-token',
        status: 200,
        words: ['Token "bob" was revoked.'],
        events: record.events,
      })
    })

    it.each([
      ['?limit=0', '?limit'],
      ['?limit=501', '?limit'],
      ['?type=Nothing%21', '?type'],
      ['?cursor=abc', '?cursor'],
      ['?to=2999-01-01T00:00:00Z', '?to'],
      ['?who=me', '?who'],
    ])('refuses %s', async (query, pointer) => {
      const { status, body } = await control.call('GET', `/v1/audit${query}`)
      expect(status).toBe(400)
      expect((body.errors as unknown as { pointer: string }[])[0]!.pointer).toBe(pointer)
    })
  })
})
