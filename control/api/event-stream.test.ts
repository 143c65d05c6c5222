import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FollowedLog, followed } from '../log/followed.ts'
import { openSqliteLog } from '../node/sqlite-log.ts'
import { eventStream } from './event-stream.ts'

describe('the event stream', () => {
  let folder: string
  let log: FollowedLog
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-events-'))
    log = await followed(openSqliteLog(join(folder, 'log.sqlite')))
  })
  afterEach(async () => {
    if (!log.isClosed()) await log.close()
    rmSync(folder, { recursive: true })
  })

  const append = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const head = await log.head()
      await log.append(head, `{"n":${head + 1}}`)
    }
  }
  const follow = (after: number, heartbeatMs = 60_000, onEnd = () => {}) =>
    eventStream({ log, after, render: (record) => record.text, heartbeatMs, onEnd })
      .pipeThrough(new TextDecoderStream())
      .getReader()
  const readUntil = async (reader: ReadableStreamDefaultReader<string>, wanted: string) => {
    let text = ''
    while (!text.includes(wanted)) text += (await reader.read()).value
    return text
  }
  const idsOf = (text: string) =>
    [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))

  it('gives every record after a position once and in order, page after page', async () => {
    await append(200)
    const text = await readUntil(follow(3), 'id: 200\n')
    expect(idsOf(text)).toEqual(Array.from({ length: 197 }, (_, i) => i + 4))
    expect(text).toContain('id: 4\nevent: record\ndata: {"n":4}\n\n')
  })

  it('goes on with what is appended while somebody listens', async () => {
    const reader = follow(0)
    await readUntil(reader, ': after 0')
    const arrives = readUntil(reader, 'id: 2\n')
    await append(2)
    expect(idsOf(await arrives)).toEqual([1, 2])
  })

  it('resumes without a gap and without a repetition', async () => {
    await append(5)
    const seen: number[] = []
    for (let last = 0; last < 5; last = seen.at(-1)!) {
      const reader = follow(last)
      const text = await readUntil(reader, 'id:')
      seen.push(...idsOf(text))
      await reader.cancel()
    }
    expect(seen).toEqual([1, 2, 3, 4, 5])
  })

  it('breaks silence with a comment', async () => {
    expect(idsOf(await readUntil(follow(0, 10), ': quiet'))).toEqual([])
  })

  it('holds nothing for a reader that has gone, and says so once', async () => {
    let ended = 0
    const reader = follow(0, 60_000, () => ended++)
    await reader.read()
    await reader.cancel()
    await append(1)
    expect(ended).toBe(1)
  })

  it('ends before it shows anything to a reader who may not read any more', async () => {
    let may = true
    let ended = 0
    const reader = eventStream({
      log,
      after: 0,
      render: (record) => record.text,
      stillMay: () => may,
      onEnd: () => ended++,
    })
      .pipeThrough(new TextDecoderStream())
      .getReader()
    await append(1)
    await readUntil(reader, 'id: 1\n')
    may = false
    await append(1)
    expect(await reader.read()).toEqual({ done: true, value: undefined })
    expect(ended).toBe(1)
  })

  it('ends without an error when the log is closed', async () => {
    let ended = 0
    const reader = follow(0, 60_000, () => ended++)
    await readUntil(reader, ': after 0')
    const end = reader.read()
    await log.close()
    expect(await end).toEqual({ done: true, value: undefined })
    expect(ended).toBe(1)
  })

  it('ends when the log cannot be read', async () => {
    let ended = 0
    const broken = { ...log, read: () => Promise.reject(new Error('disk')) }
    const reader = eventStream({
      log: broken,
      after: 0,
      render: (record) => record.text,
      onEnd: () => ended++,
    }).getReader()
    await reader.read()
    await expect(reader.read()).rejects.toThrow('disk')
    expect(ended).toBe(1)
  })
})
