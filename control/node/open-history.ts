/** The history of a state folder under Node. */
import type { Say } from '#wire/log-line.ts'
import { createHistory, type History } from '../history/history.ts'
import type { Log } from '../log/log.ts'
import { foldCode } from './fold-code.ts'
import { type StateFolder, stateFiles } from './folder.ts'
import { deleteHistoryDatabase, openHistoryDatabase } from './history-database.ts'

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
