/** The keys of control that this agent has pinned, kept where its workers find them: for preview links. */
import { join } from 'node:path'
import { writeDurably } from '../durable-file.ts'
import { type ControlKeysFile, stateFiles } from '../link.ts'

export function keepControlKeys(stateFolder: string, publicKeys: readonly string[]): void {
  const file: ControlKeysFile = { publicKeys }
  writeDurably(join(stateFolder, stateFiles.controlKeys), JSON.stringify(file))
}
