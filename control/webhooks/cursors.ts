/**
 * How far each webhook has been told, in one text outside the log. It is written behind the deliveries:
 * losing the newest of it repeats messages, and never loses one.
 */
import { z } from 'zod'

const cursor = z.strictObject({
  position: z.int().min(0),
  /** In which history: a position of a lost one means nothing. */
  epochId: z.string(),
  /** Of a message that was not taken: how often in a row, and when it is tried again. */
  retry: z.strictObject({ failures: z.int().min(1), atMs: z.int().min(0) }).optional(),
})
export type Cursor = z.infer<typeof cursor>
const text = z.record(z.string(), cursor)

/** Where a runtime keeps the text. */
export interface CursorPlace {
  read(): string | null
  /** It appears whole or not at all. */
  write(text: string): Promise<void>
}

export interface Cursors {
  get(name: string): Cursor | null
  set(name: string, cursor: Cursor | null): void
  /** Resolves when what was set is written. */
  flush(): Promise<void>
}

export function openCursors(place: CursorPlace, onTrouble: (error: unknown) => void): Cursors {
  const known = new Map(Object.entries(parsed(place.read())))
  let dirty = false
  let writing: Promise<void> | null = null

  async function write(): Promise<void> {
    while (dirty) {
      dirty = false
      await place.write(JSON.stringify(Object.fromEntries(known)))
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

/** A damaged text is a lost one. */
function parsed(kept: string | null): Record<string, Cursor> {
  try {
    return text.parse(JSON.parse(kept ?? '{}'))
  } catch {
    return {}
  }
}
