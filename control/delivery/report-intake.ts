/**
 * Reports from outside, in; verified reports or a refusal code, out. Size first, then the seal by a key
 * that an agent of the cluster enrolled with, then the content. Of each agent only what is newer counts,
 * so a replayed report moves nothing.
 */
import { z } from 'zod'
import type { RefusalCode } from '#wire/codes.ts'
import { limits } from '#wire/limits.ts'
import { type Report, report } from '#wire/report.ts'
import { keyIdOf, open, pinKeys, sealed } from '#wire/signature.ts'

export type Enrolled = (
  cluster: string,
) => Iterable<{ readonly agent: string; readonly publicKey: string }>

export type Taken =
  /** `repeated`: the very report that was taken last; it has nothing new. */
  { readonly report: Report; readonly repeated: boolean } | { readonly refused: RefusalCode }

export interface ReportIntake {
  take(cluster: string, bytes: Uint8Array): Promise<Taken>
}

type Life = Pick<Report, 'instance' | 'startedAtMs' | 'sequence'>

interface AgentKey {
  readonly keyId: string
  readonly key: CryptoKey
}

export function createReportIntake(enrolled: Enrolled): ReportIntake {
  /** By raw public key: agents of one cluster and their keys hardly ever change. */
  const keys = new Map<string, AgentKey>()
  /** The newest report of each agent, by cluster and name: as many as are enrolled. */
  const newest = new Map<string, Life>()

  async function keyOf(publicKey: string): Promise<AgentKey | null> {
    const known = keys.get(publicKey)
    if (known) return known
    const keyId = keyIdOf(publicKey)
    const key = (await pinKeys([publicKey]).catch(() => null))?.get(keyId)
    if (!key) return null
    if (keys.size >= keysMax) keys.clear()
    const made = { keyId, key }
    keys.set(publicKey, made)
    return made
  }

  return {
    async take(cluster, bytes) {
      if (bytes.length > limits.reportBytes) return { refused: 'oversize' }
      const seal = parse(sealed, bytes)
      if (!seal) return { refused: 'malformed' }
      let signer: { agent: string; key: CryptoKey } | null = null
      for (const { agent, publicKey } of enrolled(cluster)) {
        const found = await keyOf(publicKey)
        if (found?.keyId === seal.keyId) signer = { agent, key: found.key }
      }
      if (!signer) return { refused: 'unknown-key' }
      const opened = await open(seal, new Map([[seal.keyId, signer.key]])).catch(() => null)
      if (!opened || 'refused' in opened) return { refused: 'bad-signature' }
      const said = parse(report, opened.payload)
      if (!said) return { refused: 'malformed' }
      if (said.cluster !== cluster) return { refused: 'foreign-cluster' }
      if (said.agent !== signer.agent) return { refused: 'foreign-agent' }

      const name = `${cluster}/${said.agent}`
      const order = compareLives(said, newest.get(name))
      if (order < 0) return { refused: 'older' }
      newest.set(name, said)
      return { report: said, repeated: order === 0 }
    },
  }
}

const keysMax = limits.clusters * limits.agentsPerCluster

/** Above 0: newer than what is held; 0: the same; below: older. Instances are ordered by their start. */
function compareLives(said: Life, held: Life | undefined): number {
  if (!held) return 1
  if (said.instance === held.instance) return said.sequence - held.sequence
  return said.startedAtMs > held.startedAtMs ? 1 : -1
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array): T | null {
  try {
    return schema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof z.ZodError) {
      return null
    }
    throw error
  }
}
