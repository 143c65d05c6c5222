/**
 * An agent's reading side over a real session: the pilot's own admission, repair and subscription. It
 * records every version that it held, so that a test can show that none was older than the one before.
 */
import { type Header, precedence, supportedFormats } from '#wire/header.ts'
import { pinKeys } from '#wire/signature.ts'
import { createRefusals } from '../../agent/pilot/refusals.ts'
import type { Session } from '../../agent/pilot/session/session.ts'
import { follow } from '../../agent/pilot/snapshots/follow.ts'
import { createSnapshots, snapshotsTiming } from '../../agent/pilot/snapshots/snapshots.ts'
import { until } from '../../deploy/local/until.ts'

export interface Reader {
  held(): Header | null
  /** Every header held, in order. */
  readonly history: readonly Header[]
  refusals(): readonly string[]
  /** Resolves once this digest is held. */
  reaches(digest: string, withinMs?: number): Promise<void>
  stop(): Promise<void>
}

export async function openReader(
  session: Session,
  cluster: string,
  publicKeys: readonly string[],
): Promise<Reader> {
  const history: Header[] = []
  const refusals = createRefusals(() => {})
  const pinned = await pinKeys(publicKeys)
  const snapshots = createSnapshots({
    session,
    trust: { cluster, keys: () => pinned, formats: supportedFormats },
    refusals,
    held: null,
    floor: null,
    onHeld({ header }) {
      const before = history.at(-1)
      if (before && precedence(header, before) !== 'newer') {
        throw new Error(`revision ${header.revision} was held after ${before.revision}`)
      }
      history.push(header)
    },
    log: () => {},
    timing: { ...snapshotsTiming, lookEveryMs: 1_000 },
  })
  const following = follow(session, snapshots, () => {})
  return {
    held: () => snapshots.held()?.header ?? null,
    history,
    refusals: () => refusals.list().map(({ code }) => code),
    async reaches(digest, withinMs = 30_000) {
      const look = () => snapshots.held()?.header.digest
      await until(
        `the reader holds ${digest.slice(0, 8)}`,
        look,
        (seen) => seen === digest,
        withinMs,
        5,
      )
    },
    async stop() {
      await following.stop()
      await snapshots.stop()
      await session.close()
    },
  }
}
