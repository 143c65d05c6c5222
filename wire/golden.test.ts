/**
 * Messages that former versions sent: this version must believe them, understand them and say the same
 * bytes. A golden file is never changed; each version adds its own, made by `golden/make.ts`.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import type { z } from 'zod'
import { canonicalText } from './digest.ts'
import { enrolmentAnswer, enrolmentRequest } from './enrolment.ts'
import { type GoldenMessages, objectsOfFormat } from './golden/messages.ts'
import { announcement, header, storedBucket, storedIndex } from './header.ts'
import { formatOf, snapshotObject } from './object.ts'
import { report } from './report.ts'
import { open, pinKeys, sealed } from './signature.ts'
import { bucketFrom, bucketHashes, treeOf } from './tree.ts'

const files = ['messages-1.json', 'messages-2.json']

describe.each(files)('%s', (name) => {
  const file = new URL(`golden/${name}`, import.meta.url)
  const golden = JSON.parse(readFileSync(file, 'utf8')) as GoldenMessages

  function understood<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
    const parsed = schema.parse(JSON.parse(text))
    expect(canonicalText(parsed)).toBe(text)
    return parsed
  }
  async function believed<Schema extends z.ZodType>(schema: Schema, seal: z.infer<typeof sealed>) {
    const opened = await open(seal, await pinKeys([golden.signedBy]))
    if ('refused' in opened) throw new Error(opened.refused)
    return understood(schema, new TextDecoder().decode(opened.payload))
  }

  it.each(Object.entries(golden.announcements))('announcement of %s', async (_, text) => {
    const { header: seal, put } = understood(announcement, text)
    const { digest, format } = await believed(header, seal)
    expect(treeOf(put).root).toBe(digest)
    expect(Math.max(...put.map(formatOf))).toBe(format)
  })

  it.each(Object.entries(golden.reports))('report of %s', async (_, text) => {
    await believed(report, understood(sealed, text))
  })

  it('buckets and their index', () => {
    const { hashes } = understood(storedIndex, golden.index)
    for (const text of golden.buckets) {
      const { bucket, objects } = understood(storedBucket, text)
      expect(bucketFrom(objects).hash).toBe(hashes[bucket])
    }
    expect(bucketHashes(treeOf(objectsIn(golden.buckets)))).toEqual(hashes)
  })

  it('enrolment', () => {
    understood(enrolmentRequest, golden.enrolmentRequest)
    understood(enrolmentAnswer, golden.enrolmentAnswer)
  })

  const objectsIn = (buckets: readonly string[]) =>
    buckets.flatMap((text) => storedBucket.parse(JSON.parse(text)).objects)
})

test('the newest messages hold every kind of object, and those of format 1 nothing newer', () => {
  const all = Object.values(objectsOfFormat).flat()
  const kinds = snapshotObject.options.map((option) => option.shape.kind.value)
  expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(kinds))
  expect(objectsOfFormat[1].map(formatOf).every((format) => format === 1)).toBe(true)
  expect(objectsOfFormat[2].map(formatOf).every((format) => format === 2)).toBe(true)
})
