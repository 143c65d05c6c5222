import { expect, it } from 'vitest'
import { type ApiDependencies, createApi } from './server.ts'

it('a bug is answered 500 without its details, and told to whoever runs control', async () => {
  const told: unknown[] = []
  const counted: number[] = []
  const bug = new Error('secret of the inside')
  const broken: Partial<ApiDependencies> = {
    listener: { hosts: null },
    health: {
      notReady() {
        throw bug
      },
      logPosition: () => 0,
      transportConnected: () => true,
      warnings: () => [],
    },
    metrics: {
      requestAnswered: ({ status }: { status: number }) => counted.push(status),
    } as never,
    monotonicMs: () => 0,
    onError: (error) => told.push(error),
  }
  const api = createApi(broken as ApiDependencies)
  const answer = await api.fetch(new Request('http://control/readyz'))
  const body = (await answer.json()) as { code: string }
  expect([answer.status, body.code]).toEqual([500, 'internal-error'])
  expect(JSON.stringify(body)).not.toContain('secret')
  expect([told, counted]).toEqual([[bug], [500]])
})
