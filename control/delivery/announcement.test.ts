import { expect, test } from 'vitest'
import { limits } from '#wire/limits.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { generateKey } from '#wire/signature.ts'
import { emptyTree, treeOf } from '#wire/tree.ts'
import { announceChanges } from './announcement.ts'

const route = (n: number, valueChars: number): SnapshotObject => ({
  kind: 'route',
  key: `route/app/${n}`,
  app: 'app',
  hosts: ['app.example'],
  matches: [
    {
      path: { type: 'PathPrefix', value: `/${n}` },
      headers: [{ name: 'x', value: 'v'.repeat(valueChars) }],
    },
  ],
  since: 1,
})

test('changes ride along up to the size limit, and not one byte past it', async () => {
  const { key } = await generateKey()
  const by = { cluster: 'eu-1', key, nowMs: 1_000_000_000_000 }
  const epoch = { number: 1, id: '00000000000000aa' }
  const announce = (lastChars: number) => {
    const objects = Array.from({ length: 64 }, (_, n) => route(n, n === 63 ? lastChars : 3_930))
    return announceChanges({ epoch, revision: 1, format: 1, tree: treeOf(objects) }, emptyTree, by)
  }
  const short = (await announce(1))!
  const room = limits.announcementBytes - short.length
  expect(room).toBeGreaterThan(0)
  expect(room).toBeLessThan(limits.headerValueChars)
  expect(await announce(1 + room)).toHaveLength(limits.announcementBytes)
  expect(await announce(2 + room)).toBeNull()
})
