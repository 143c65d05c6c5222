/**
 * What applying documents would do, document by document: pure, from the documents and what control holds.
 * The same plan is shown by `diff -f` and done by `apply`, so that the one foretells the other.
 */
import type { AnyDocument, AppDocument } from '#wire/document.ts'
import { releaseAsked } from '#wire/release-asked.ts'
import { nameOf, type Placed } from './folder.ts'

export type Action = 'create' | 'change' | 'same' | 'delete'

export interface Step {
  readonly action: Action
  readonly document: AnyDocument
  readonly where: string | null
  /** What differs, a line each. */
  readonly differences: readonly string[]
  /** The release that answers the document already. */
  readonly release?: string
}

export interface Held {
  /** `GET /v1/export` */
  readonly documents: readonly AnyDocument[]
  /** `GET /v1/releases`, newest first. */
  readonly releases: Parameters<typeof releaseAsked>[2]
}

export interface Pruning {
  /** Of apps that control holds and no document names: those to delete. */
  readonly selects: (document: AnyDocument) => boolean
}

export function planOf(asked: readonly Placed[], held: Held, pruning: Pruning | null): Step[] {
  const heldByName = new Map(held.documents.map((document) => [nameOf(document), document]))
  const steps = asked.map(({ document, where }): Step => {
    if (document.kind === 'Release') return releaseStep(document, where, asked, held)
    const before = heldByName.get(nameOf(document))
    if (!before) return { action: 'create', document, where, differences: [] }
    const differences = differencesOf(contentOf(before), contentOf(document))
    return { action: differences.length > 0 ? 'change' : 'same', document, where, differences }
  })
  const named = new Set(asked.map(({ document }) => nameOf(document)))
  const pruned = held.documents
    .filter((one) => one.kind === 'App' && pruning?.selects(one) && !named.has(nameOf(one)))
    .map((document): Step => ({ action: 'delete', document, where: null, differences: [] }))
  return [...steps, ...pruned]
}

type ReleaseDocument = Extract<AnyDocument, { kind: 'Release' }>

function releaseStep(
  document: ReleaseDocument,
  where: string,
  asked: readonly Placed[],
  { documents, releases }: Held,
): Step {
  const isApp = (one: AnyDocument): one is AppDocument =>
    one.kind === 'App' && one.metadata.name === document.spec.app
  const app = asked.map((one) => one.document).find(isApp) ?? documents.find(isApp)
  const release = releaseAsked(document, app?.spec.clusters ?? [], releases)
  return release === null
    ? { action: 'create', document, where, differences: [] }
    : { action: 'same', document, where, differences: [], release }
}

const contentOf = ({ metadata, spec }: AnyDocument): object => ({
  ...(metadata.labels && { labels: metadata.labels }),
  ...spec,
})

/** `hosts.1: "a" → "b"`, by the paths of what differs. */
export function differencesOf(before: unknown, after: unknown): string[] {
  const [old, young] = [leaves(before), leaves(after)]
  const paths = new Set([...old.keys(), ...young.keys()])
  return [...paths].flatMap((path) => {
    const [from, to] = [old.get(path), young.get(path)]
    if (from === to) return []
    if (from === undefined) return [`+ ${path}: ${to}`]
    return [to === undefined ? `- ${path}: ${from}` : `~ ${path}: ${from} → ${to}`]
  })
}

function leaves(value: unknown, path = '', found = new Map<string, string>()): Map<string, string> {
  const isHolder = typeof value === 'object' && value !== null
  const entries = isHolder ? Object.entries(value) : []
  if (entries.length === 0) return found.set(path, JSON.stringify(value))
  for (const [key, held] of entries) {
    if (held !== undefined) leaves(held, path === '' ? key : `${path}.${key}`, found)
  }
  return found
}
