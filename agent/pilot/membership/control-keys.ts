/**
 * Which keys of control this agent believes: those of its enrolment until a snapshot names others, then
 * exactly those. They are on disk, where the workers find them too (for preview links), before anything is
 * verified with them or reported of them, so control never hears of a key that a restart would forget.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { digestOf } from '#wire/digest.ts'
import { epoch, precedence } from '#wire/header.ts'
import * as names from '#wire/names.ts'
import { keysKey } from '#wire/object.ts'
import { type PinnedKeys, pinKeys, publicKeyText } from '#wire/signature.ts'
import { find } from '#wire/tree.ts'
import { readIfThere, writeDurably } from '../../durable-file.ts'
import { stateFiles } from '../../link.ts'
import type { HeldVersion } from '../snapshots/admit.ts'
import type { Held } from '../snapshots/snapshots.ts'
import type { Membership } from './membership.ts'

export interface ControlKeys {
  /** What a header that comes is verified with. */
  pinned(): PinnedKeys
  /**
   * What a header on this disk is verified with: a key that has been retired since signed it when it
   * counted, and it was verified then.
   */
  forStored(): PinnedKeys
  /** Pins what an enrolment says, whatever was believed before. */
  begin(membership: Beginning): Promise<void>
  /** Pins what the snapshot names. Resolves with true once other keys than before are pinned, durably. */
  follow(held: Pick<Held, 'header' | 'tree'>): Promise<boolean>
}

type Beginning = Pick<Membership, 'controlKeys' | 'begunBy'>

/** Each may have signed what is still on disk. */
const formerMax = 16

const publicKeys = z.array(publicKeyText)
const stored = z.strictObject({
  /** What counts; workers read this alone. */
  publicKeys,
  /** Pinned before, newest last. Left out by versions that pinned their enrolment for ever. */
  former: publicKeys.optional(),
  /** Digest of what this began with (the token of an enrolment): another one begins anew. */
  enrolment: names.digestHex.optional(),
  /** The snapshot that named them; null: the enrolment did. */
  namedBy: z
    .strictObject({ epoch, revision: names.revision, digest: names.digestHex })
    .nullable()
    .optional(),
})

interface Kept {
  readonly publicKeys: readonly string[]
  readonly former: readonly string[]
  readonly enrolment: string
  readonly namedBy: HeldVersion | null
}

export async function openControlKeys(
  stateFolder: string,
  membership: Beginning,
  onDamaged: () => void,
): Promise<ControlKeys> {
  const file = join(stateFolder, stateFiles.controlKeys)
  let kept = keptOrFirst(file, membership, onDamaged)
  let pinned = await pinKeys(kept.publicKeys)
  let forStored = await pinKeys([...kept.former, ...kept.publicKeys])
  let order: Promise<unknown> = Promise.resolve()

  async function pin(next: Kept): Promise<boolean> {
    const [now, also] = await Promise.all([
      pinKeys(next.publicKeys),
      pinKeys([...next.former, ...next.publicKeys]),
    ])
    const isOther = next.publicKeys.join() !== kept.publicKeys.join()
    writeDurably(file, JSON.stringify(next))
    kept = next
    pinned = now
    forStored = also
    return isOther
  }

  return {
    pinned: () => pinned,
    forStored: () => forStored,
    begin(membership) {
      const done = order.then(() => pin(first(membership))).then(() => {})
      order = done.catch(() => {})
      return done
    },
    follow({ header: { epoch, revision, digest }, tree }) {
      const done = order.then(() => {
        const named = find(tree, keysKey)
        if (named?.kind !== 'keys') return false
        const namedBy = { epoch, revision, digest }
        // What the disk holds may be older than the keys beside it.
        if (kept.namedBy && precedence(namedBy, kept.namedBy) !== 'newer') return false
        if (named.publicKeys.join() === kept.publicKeys.join()) return false
        const gone = kept.publicKeys.filter((key) => !named.publicKeys.includes(key))
        const former = [...kept.former.filter((key) => !gone.includes(key)), ...gone]
        const { enrolment } = kept
        return pin({
          publicKeys: named.publicKeys,
          former: former.slice(-formerMax),
          enrolment,
          namedBy,
        })
      })
      order = done.catch(() => {})
      return done
    },
  }
}

/** What the file says, unless the agent has enrolled anew since. */
function keptOrFirst(file: string, membership: Beginning, onDamaged: () => void): Kept {
  const begun = first(membership)
  const found = read(file, onDamaged)
  if (found?.enrolment === begun.enrolment) {
    return {
      publicKeys: found.publicKeys,
      former: found.former ?? [],
      enrolment: begun.enrolment,
      namedBy: found.namedBy ?? null,
    }
  }
  writeDurably(file, JSON.stringify(begun))
  return begun
}

const first = ({ controlKeys, begunBy }: Beginning): Kept => ({
  publicKeys: controlKeys,
  former: [],
  enrolment: digestOf(begunBy),
  namedBy: null,
})

/** A damaged file is as good as none: the enrolment is believed, and the next snapshot names the others. */
function read(file: string, onDamaged: () => void): z.infer<typeof stored> | null {
  const bytes = readIfThere(file)
  if (!bytes) return null
  try {
    return stored.parse(JSON.parse(bytes.toString()))
  } catch {
    onDamaged()
    return null
  }
}
