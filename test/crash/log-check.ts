/** What must hold of a log after any number of crashes; returns what is wrong. */
import { evolve } from '../../control/domain/evolve.ts'
import { parseRecord, recordText } from '../../control/domain/record.ts'
import { emptyState, type State } from '../../control/domain/state.ts'
import { openSqliteLog } from '../../control/node/sqlite-log.ts'
import type { Sent } from './oracle.ts'

export async function checkLog(
  file: string,
  sent: readonly Sent[],
): Promise<{
  readonly wrong: readonly string[]
  readonly state: State
}> {
  const log = openSqliteLog(file)
  const records = await log.read(0, 1_000_000)
  await log.close()
  const wrong: string[] = []
  const keys = new Map<string, number>()
  let state = emptyState
  records.forEach(({ position, text }, index) => {
    if (position !== index + 1) wrong.push(`a gap: record ${index + 1} has position ${position}`)
    const record = parseRecord(text, position)
    if (recordText(record) !== text) wrong.push(`record ${position} is not canonical`)
    const key = record.idempotency?.key
    if (key && keys.has(key)) wrong.push(`${key} was taken at ${keys.get(key)} and at ${position}`)
    if (key) keys.set(key, position)
    state = evolve(state, record)
  })
  for (const { key, path, answer } of sent) {
    const accepted = answer !== null && answer.status < 300
    if (accepted && !keys.has(key))
      wrong.push(`${key} (${path}) was answered ${answer.status} and is lost`)
  }
  return { wrong, state }
}
