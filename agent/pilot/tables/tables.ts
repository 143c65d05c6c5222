/**
 * From content to the table that is served: compiled in the thread, loaded by every worker as a
 * candidate, then accepted and kept on disk. A candidate that one worker refuses is dropped, and the
 * accepted table stays everywhere.
 */
import type { Sealed } from '#wire/signature.ts'
import type { Tree } from '#wire/tree.ts'
import { dropTable, promoteTable, type TableFile } from '../disk/last-known-good.ts'
import type { Refusals } from '../refusals.ts'
import type { WorkerView } from '../workers/workers.ts'
import type { CompileOutcome, Compiler } from './compiler.ts'

export interface Tables {
  accepted(): TableFile | null
  /** Compiled, and not yet loaded by every worker. */
  candidate(): TableFile | null
  /** Number of the newest content; it rises with each change. */
  contentVersion(): number
  /** Number of the content that the accepted table is of; 0 when it is of none in this life. */
  acceptedVersion(): number
  /** `known`: the accepted table is of this content already. */
  contentChanged(tree: Tree, header: Sealed, revision: number, known?: boolean): void
  outcome(outcome: CompileOutcome): void
  /** A worker has refused a table. */
  refused(digest: string, reason: string): void
  /** Accepts the candidate once every worker serves it. */
  settle(workers: readonly WorkerView[]): void
}

interface Content {
  readonly version: number
  readonly tree: Tree
  readonly header: Sealed
  readonly revision: number
}

export function createTables(options: {
  readonly folder: string
  readonly table: TableFile | null
  readonly compiler: Pick<Compiler, 'compile' | 'keep'>
  readonly refusals: Refusals
}): Tables {
  const { folder, compiler, refusals } = options
  let accepted = options.table
  let acceptedVersion = 0
  let content: Content | null = null
  let candidate: { readonly table: TableFile; readonly version: number } | null = null
  const versions = new WeakMap<Tree, number>()

  function accept(table: TableFile, version: number): void {
    promoteTable(folder, table)
    accepted = table
    acceptedVersion = version
    compiler.keep()
  }

  return {
    accepted: () => accepted,
    candidate: () => candidate?.table ?? null,
    contentVersion: () => content?.version ?? 0,
    acceptedVersion: () => acceptedVersion,
    contentChanged(tree, header, revision, known = false) {
      content = { version: (content?.version ?? 0) + 1, tree, header, revision }
      versions.set(tree, content.version)
      if (known) acceptedVersion = content.version
      else compiler.compile(tree, header)
    },
    outcome({ tree, result }) {
      const version = versions.get(tree)
      if (version === undefined || version <= acceptedVersion) return
      if ('refused' in result) {
        refusals.add('does-not-compile', content?.revision ?? null, result.refused)
      } else if (result.table.digest === accepted?.digest) {
        accept(result.table, version)
      } else {
        const former = candidate?.table
        candidate = { table: result.table, version }
        if (former && former.digest !== result.table.digest) dropTable(former)
      }
    },
    refused(digest, reason) {
      if (candidate?.table.digest === digest) {
        refusals.add('corrupt-table', content?.revision ?? null, reason)
        dropTable(candidate.table)
        candidate = null
      } else if (accepted?.digest === digest && content) {
        // Its file was damaged on disk: written anew from the objects.
        refusals.add('corrupt-table', null, reason)
        acceptedVersion = 0
        compiler.compile(content.tree, content.header)
      }
    },
    settle(workers) {
      if (!candidate || workers.length === 0) return
      const { table, version } = candidate
      if (!workers.every(({ serving }) => serving?.tableDigest === table.digest)) return
      accept(table, version)
      candidate = null
    },
  }
}
