import { expect, test } from 'vitest'
import { type DirectReply, directGet } from './direct-get.ts'

const reply = (status: number, fields: Readonly<Record<string, string>> = {}): DirectReply => ({
  status,
  description: 'said so',
  field: (name) => fields[name] ?? '',
  data: new Uint8Array(),
})
const stored = (sequence: number) =>
  reply(0, { 'Nats-Subject': `c.bucket.${sequence}`, 'Nats-Sequence': String(sequence) })
const end = (pending: number) => reply(204, { 'Nats-Num-Pending': String(pending) })

/** Answers the n-th request with the n-th batch; records what was asked. */
function server(batches: readonly (readonly DirectReply[])[]) {
  const asked: unknown[] = []
  return {
    asked,
    async *request(payload: Uint8Array): AsyncGenerator<DirectReply> {
      asked.push(JSON.parse(new TextDecoder().decode(payload)))
      yield* batches[asked.length - 1] ?? [end(1)]
    },
  }
}

const sequences = async (batches: readonly (readonly DirectReply[])[]) => {
  const { request, asked } = server(batches)
  const found: number[] = []
  for await (const { sequence } of directGet(request, ['c.bucket.*'])) found.push(sequence)
  return { found, asked }
}

test('one batch holds everything', async () => {
  const { found, asked } = await sequences([[stored(3), stored(7), end(0)]])
  expect(found).toEqual([3, 7])
  expect(asked).toEqual([{ multi_last: ['c.bucket.*'], max_bytes: 8_388_608 }])
})

test('what is pending is asked for from the next sequence on', async () => {
  const { found, asked } = await sequences([
    [stored(3), end(2)],
    [stored(9), end(1)],
    [stored(11), end(0)],
  ])
  expect(found).toEqual([3, 9, 11])
  expect(asked.slice(1)).toMatchObject([{ seq: 4 }, { seq: 10 }])
})

test('nothing stored is nothing', async () => {
  expect((await sequences([[reply(404)]])).found).toEqual([])
})

test('an answer that is cut throws', async () => {
  await expect(sequences([[stored(3)]])).rejects.toThrow('cut')
})

test('an error of the server throws with its words', async () => {
  await expect(sequences([[reply(413)]])).rejects.toThrow('413 said so')
})

test('a server that never comes to an end is given up', async () => {
  await expect(sequences([])).rejects.toThrow('not done after 256 batches')
})
