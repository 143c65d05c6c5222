/**
 * What runs to its end on a state folder: `init` and `recover`. Both write to the log through the turn, as
 * intents of the `operator`, and publish nothing; a running control holds the folder and keeps them out.
 */
import type { Scope } from '../domain/input.ts'
import { fleetEpoch } from '../fleet-epoch.ts'
import type { Log } from '../log/log.ts'
import { raiseEpoch, randomEpochId, takeAsOperator, withQuietTurns } from '../quiet-turns.ts'
import { makeKeys } from '../trust/keys.ts'
import { hashToken, looksLikeToken, makeToken, type TokenKind } from '../trust/tokens.ts'
import type { Turns } from '../turn.ts'
import type { Beginning } from './beginning.ts'
import { type StateFolder, stateFiles } from './folder.ts'
import { openHistory } from './open-history.ts'
import { openSqliteLog } from './sqlite-log.ts'

export interface CommandOptions {
  readonly folder: StateFolder
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly wrapLog: (log: Log) => Log
}

/**
 * Keys, admin token and one enrolment token per cluster, as far as they are missing: made here, or those of
 * `beginning`. Files come before the log: a run that was cut is finished by the next one. Resolves with the
 * clusters that were changed.
 */
export async function init(
  options: CommandOptions,
  clusters: readonly string[],
  beginning: Beginning | null = null,
): Promise<readonly string[]> {
  const { folder } = options
  if (!folder.readKeys()) folder.writeKeys(beginning?.keys ?? (await makeKeys()))
  const enrolmentTokenHash = (cluster: string): string => {
    const given = beginning?.enrolmentTokens.get(cluster)
    return given ? hashToken(given) : keptToken(folder, stateFiles.enrolmentToken(cluster), 'enrol')
  }
  const adminTokenHash = (): string =>
    beginning ? hashToken(beginning.adminToken) : keptToken(folder, stateFiles.adminToken, 'admin')
  return withTurns(options, async (turns) => {
    const before = turns.state()
    const first = before.epoch === null
    const wanted = clusters.map((name) => ({
      name,
      enrolmentTokenHash: enrolmentTokenHash(name),
    }))
    const changed = wanted.filter(
      ({ name, enrolmentTokenHash }) =>
        before.clusters.get(name)?.enrolmentTokenHash !== enrolmentTokenHash,
    )
    if (!first && changed.length === 0) return []
    await takeAsOperator(turns, {
      type: 'init',
      epochId: randomEpochId(),
      clusters: changed,
      adminTokenHash: first ? adminTokenHash() : null,
    })
    return changed.map(({ name }) => name)
  })
}

/** A token made on the machine, for whoever has the state folder: the way back when the last one is lost. */
export async function makeOperatorToken(
  options: CommandOptions,
  name: string,
  scope: Scope,
): Promise<string> {
  return withTurns(options, async (turns) => {
    if (!turns.state().epoch) {
      throw new Error(`${options.folder.path} was never initialised; run \`control init\``)
    }
    const { token, tokenHash } = makeToken(scope)
    await takeAsOperator(turns, { type: 'create-token', name, scope, tokenHash })
    return token
  })
}

/** Raises the epoch above the log's and above what the fleet was seen with. Resolves with its number. */
export async function recover(options: CommandOptions): Promise<number> {
  const { folder } = options
  return withTurns(options, async (turns) => {
    const epochNumber = await raiseEpoch(turns, fleetEpoch(folder))
    if (!epochNumber) throw new Error(`${folder.path} was never initialised; run \`control init\``)
    return epochNumber
  })
}

async function withTurns<T>(
  { folder, now, monotonicMs, wrapLog }: CommandOptions,
  work: (turns: Turns) => Promise<T>,
): Promise<T> {
  const log = wrapLog(openSqliteLog(folder.file(stateFiles.log)))
  const history = openHistory(folder, log, () => {})
  try {
    return await withQuietTurns({ log, history, now, monotonicMs }, work)
  } finally {
    await history.close()
    await log.close()
  }
}

/** The hash of the token in a file of the folder, made when there is none. */
function keptToken(folder: StateFolder, name: string, kind: TokenKind): string {
  const kept = folder.read(name)?.trim()
  if (kept !== undefined && looksLikeToken(kept)) return hashToken(kept)
  const { token, tokenHash } = makeToken(kind)
  folder.write(name, `${token}\n`)
  return tokenHash
}
