/**
 * How far each webhook has been told, in one file outside the log. It appears whole or not at all and is
 * written behind the deliveries: losing the newest of it repeats messages, and never loses one. Not
 * fsynced, for the same reason.
 */
import { rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { type StateFolder, stateFiles } from '../trust/folder.ts'

const cursor = z.strictObject({
  position: z.int().min(0),
  /** In which history: a position of a lost one means nothing. */
  epochId: z.string(),
})
export type Cursor = z.infer<typeof cursor>
const file = z.record(z.string(), cursor)

export interface Cursors {
  get(name: string): Cursor | null
  set(name: string, cursor: Cursor | null): void
  /** Resolves when what was set is written. */
  flush(): Promise<void>
}

export function openCursors(folder: StateFolder, onTrouble: (error: unknown) => void): Cursors {
  const path = folder.file(stateFiles.webhookCursors)
  const known = new Map(Object.entries(read(folder.read(stateFiles.webhookCursors))))
  let dirty = false
  let writing: Promise<void> | null = null

  async function write(): Promise<void> {
    while (dirty) {
      dirty = false
      const temporary = `${path}.tmp`
      await writeFile(temporary, JSON.stringify(Object.fromEntries(known)), { mode: 0o600 })
      await rename(temporary, path)
    }
  }
  function wake(): void {
    writing ??= write()
      .catch(onTrouble)
      .finally(() => {
        writing = null
      })
  }
  return {
    get: (name) => known.get(name) ?? null,
    set(name, next) {
      if (next) known.set(name, next)
      else known.delete(name)
      dirty = true
      wake()
    },
    async flush() {
      await writing
    },
  }
}

/** A damaged file is a lost one. */
function read(text: string | null): Record<string, Cursor> {
  try {
    return file.parse(JSON.parse(text ?? '{}'))
  } catch {
    return {}
  }
}
