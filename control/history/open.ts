/** The history of a state folder under Node. */
import type { Say } from '#wire/log-line.ts'
import type { Log } from '../log/log.ts'
import { type StateFolder, stateFiles } from '../trust/folder.ts'
import { deleteHistoryDatabase, openHistoryDatabase } from './database.ts'
import { foldCode } from './fold-code.ts'
import { createHistory, type History } from './history.ts'

export function openHistory(folder: StateFolder, log: Pick<Log, 'read'>, say: Say): History {
  const file = folder.file(stateFiles.history)
  return createHistory({
    log,
    open: () => openHistoryDatabase(file),
    remove: () => deleteHistoryDatabase(file),
    code: foldCode(),
    monotonicMs: () => performance.now(),
    onDamage: (error) =>
      say('history-damaged', error instanceof Error ? error.message : String(error), { file }),
  })
}
