/** For tests: an agent that exists only as a key and says over HTTP what the test wants it to say. */
import { canonicalBytes } from '#wire/digest.ts'
import type { Epoch } from '#wire/header.ts'
import type { SnapshotObject } from '#wire/object.ts'
import { quiet } from '#wire/report.fixture.ts'
import type { Report } from '#wire/report.ts'
import { generateKey, keyIdOf, seal } from '#wire/signature.ts'
import type { Called, ControlUnderTest } from './control-under-test.ts'

export interface AgentUnderTest {
  readonly token: string
  readonly epoch: Epoch
  /** Sends its state; what is left out says that it is well and serves the cluster's snapshot. */
  report(said?: Partial<Report>): Promise<Called>
  /** It does what the newest snapshot says, with these endpoints, and says so. */
  follow(readyEndpoints: Report['readyEndpoints']): Promise<Called>
}

export async function enrolAgent(
  control: ControlUnderTest,
  cluster: string,
  agent: string,
): Promise<AgentUnderTest> {
  const { key } = await generateKey()
  const enrolled = await control.call('POST', '/v1/agents/enrol', {
    token: control.enrolmentToken(cluster),
    body: { cluster, agent, publicKey: key.publicKey },
  })
  if (enrolled.status !== 200) throw new Error(enrolled.text)
  const token = String(enrolled.body.token)
  let sequence = 0
  const self: AgentUnderTest = {
    token,
    epoch: enrolled.body.epoch as unknown as Epoch,
    async report(said = {}) {
      const snapshot = await control.call('GET', `/v1/clusters/${cluster}/snapshot`)
      const message: Report = {
        ...quiet,
        cluster,
        agent,
        sequence: ++sequence,
        epoch: snapshot.body.epoch as unknown as Epoch,
        revision: Number(snapshot.body.revision),
        digest: String(snapshot.body.digest),
        pinnedKeys: [keyIdOf(key.publicKey)],
        ...said,
      }
      const body = await seal(canonicalBytes(message), key)
      return control.call('POST', `/v1/agents/${cluster}/reports`, { token, body })
    },
    async follow(readyEndpoints) {
      const snapshot = await control.call('GET', `/v1/clusters/${cluster}/snapshot`)
      const objects = snapshot.body.objects as unknown as SnapshotObject[]
      const positions = objects.flatMap((object) => {
        if (object.kind !== 'position') return []
        const { app, generation: active, next } = object
        const prepared = next?.generation ?? 0
        return [[app, { prepared, active, appliedMs: 1, activeForMs: 1 }] as const]
      })
      return self.report({ readyEndpoints, positions: Object.fromEntries(positions) })
    },
  }
  return self
}
