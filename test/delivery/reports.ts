/** Agents of the delivery tests: keys, and reports sealed with them or with somebody else's. */
import { canonicalBytes } from '#wire/digest.ts'
import { quiet } from '#wire/report.fixture.ts'
import type { Report } from '#wire/report.ts'
import { generateKey, type SigningKey, seal } from '#wire/signature.ts'
import { emptyTree } from '#wire/tree.ts'
import { firstEpoch } from './trees.ts'

export interface TestAgent {
  readonly cluster: string
  readonly agent: string
  readonly key: SigningKey
  readonly enrolled: { readonly agent: string; readonly publicKey: string }
}

export async function makeAgent(cluster: string, agent: string): Promise<TestAgent> {
  const { key } = await generateKey()
  return { cluster, agent, key, enrolled: { agent, publicKey: key.publicKey } }
}

export const reportOf = (
  { cluster, agent }: Pick<TestAgent, 'cluster' | 'agent'>,
  sequence: number,
  more: Partial<Report> = {},
): Report => ({
  ...quiet,
  cluster,
  agent,
  instance: '00000000000000f1',
  startedAtMs: 1_000,
  sequence,
  epoch: firstEpoch,
  revision: 1,
  digest: emptyTree.root,
  ...more,
})

export const sealReport = async (report: unknown, key: SigningKey): Promise<Uint8Array> =>
  new TextEncoder().encode(JSON.stringify(await seal(canonicalBytes(report), key)))
