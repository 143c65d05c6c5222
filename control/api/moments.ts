/**
 * A moment of the past, as callers name it: a revision, or an instant with its offset. It becomes the
 * position of the newest record that held then; what lies in the future or before the first record is
 * refused, because nothing true could be answered.
 */
import { z } from 'zod'
import type { PlainRequest } from '#router/reference.ts'
import type { Epoch } from '#wire/header.ts'
import type { Tree } from '#wire/tree.ts'
import type { AuditFilter } from '../history/audit.ts'
import type { AuditPage, Blamed, Looked, ShownSnapshot } from '../history/history.ts'
import type { Served } from '../history/served.ts'
import { problem } from './problem.ts'
import { unknownCluster } from './words.ts'

export interface Snapshot {
  readonly cluster: string
  readonly epoch: Epoch
  readonly revision: number
  readonly format: number
  readonly tree: Tree
}

/** A position left out is that of the newest record. */
export interface PastReader {
  /** Of the newest record. */
  position(): number
  nowMs(): number
  /** By name, as they are now. */
  clusterNames(): readonly string[]
  positionAt(atMs: number): Promise<Looked<{ position: number } | { firstMs: number | null }>>
  /** Null: there was no such cluster. */
  snapshot(cluster: string, position: number | undefined): Promise<Looked<Snapshot | null>>
  /** Null while the tables of the history are made. */
  served(snapshot: ShownSnapshot, position: number | undefined): Promise<Served | null>
  blame(
    cluster: string,
    position: number | undefined,
    request: PlainRequest,
  ): Promise<Looked<Blamed | null>>
  audit(filter: AuditFilter): Promise<Looked<AuditPage>>
}

const digits = /^\d{1,15}$/
const isoInstant = z.iso.datetime({ offset: true })
/** A plus sign in a query is a space to a strict reader; here it cannot be meant. */
const withPlus = (text: string) => text.replace(/ (?=\d\d:\d\d$)/, '+')
const isInstant = (text: string) => isoInstant.safeParse(withPlus(text)).success

export const revisionText = z
  .string()
  .regex(digits, 'a log position: a whole number')
  .transform(Number)

export const instantText = z
  .string()
  .max(64)
  .refine(
    isInstant,
    'an instant with its offset, as 2026-11-25T10:00:00Z or 2026-11-25T11:00:00+01:00',
  )
  .transform(withPlus)

/** Either of them. */
export const momentText = z
  .string()
  .max(64)
  .refine(
    (text) => digits.test(text) || isInstant(text),
    'a revision (a whole number), or an instant with its offset, as 2026-11-25T10:00:00Z',
  )
  .transform((text): Moment => (digits.test(text) ? Number(text) : withPlus(text)))

/** A revision or an instant. */
export type Moment = number | string

/** The position of the newest record that held at the moment, or the refusal. */
export async function positionOf(
  reader: PastReader,
  moment: Moment,
  pointer: string,
): Promise<number | Response> {
  if (typeof moment === 'number') {
    const newest = reader.position()
    return moment <= newest ? moment : invalid(pointer, `the newest revision is ${newest}`)
  }
  const atMs = Date.parse(moment)
  const nowMs = reader.nowMs()
  if (atMs > nowMs) {
    return invalid(pointer, `lies in the future; control's clock says ${instantOf(nowMs)}`)
  }
  const looked = await reader.positionAt(atMs)
  if ('rejection' in looked) return problem(looked.rejection)
  if ('position' in looked.found) return looked.found.position
  const { firstMs } = looked.found
  const first = firstMs === null ? '' : `: ${instantOf(firstMs)}`
  return invalid(pointer, `lies before the first record of the log${first}`)
}

/** The snapshot that was asked for, or the refusal; `pointer` names the field of the moment. */
export async function snapshotAt(
  reader: PastReader,
  cluster: string,
  moment: Moment | undefined,
  pointer: string,
): Promise<{ snapshot: Snapshot; position: number | undefined } | Response> {
  const position = moment === undefined ? undefined : await positionOf(reader, moment, pointer)
  if (position instanceof Response) return position
  const looked = await reader.snapshot(cluster, position)
  if ('rejection' in looked) return problem(looked.rejection)
  if (looked.found) return { snapshot: looked.found, position }
  return problem(await noSuchCluster(reader, cluster, position))
}

/** Where it was added later, that is said. */
export async function noSuchCluster(
  reader: PastReader,
  cluster: string,
  position: number | undefined,
) {
  const now = position === undefined ? null : await reader.snapshot(cluster, undefined)
  if (!now || 'rejection' in now || !now.found) return unknownCluster(cluster)
  return {
    ...unknownCluster(cluster),
    detail: `There was no cluster "${cluster}" at revision ${position} yet.`,
    fix: 'Ask for a later moment.',
  }
}

export const invalid = (pointer: string, message: string): Response =>
  problem({
    code: 'invalid-request',
    detail: `${pointer}: ${message}`,
    fix: 'Correct the field that `errors` names.',
    errors: [{ pointer, message }],
  })

export const instantOf = (ms: number): string => new Date(ms).toISOString()
