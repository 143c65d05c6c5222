/**
 * Where webhooks' cursors are kept under Node: one file that appears whole or not at all. Not fsynced:
 * losing the newest of it repeats messages, and never loses one.
 */
import { rename, writeFile } from 'node:fs/promises'
import type { CursorPlace } from '../webhooks/cursors.ts'
import { type StateFolder, stateFiles } from './folder.ts'

export function cursorFile(folder: StateFolder): CursorPlace {
  const path = folder.file(stateFiles.webhookCursors)
  return {
    read: () => folder.read(stateFiles.webhookCursors),
    async write(text) {
      const temporary = `${path}.tmp`
      await writeFile(temporary, text, { mode: 0o600 })
      await rename(temporary, path)
    },
  }
}
