/** For tests: what is done with signing keys, over the API, and what is then seen of them. */
import { expect } from 'vitest'
import { keyIdOf } from '#wire/signature.ts'
import type { AgentUnderTest } from '../agent-under-test.ts'
import type { Called, ControlUnderTest } from '../control-under-test.ts'
import { storedKeys } from '../trust/keys.ts'
import { storedNames } from '../trust/store.ts'

export interface KeyScene {
  readonly control: ControlUnderTest
  readonly agent: AgentUnderTest
}

interface Listed {
  readonly keyId: string
  readonly state: string
  readonly missing: readonly { readonly agent: string }[]
}

export const codeOf = ({ status, body }: Called) => [status, body.code]

/** `scene`: the one of the test that runs. */
export function keyCalls(scene: () => KeyScene) {
  const list = async () =>
    (await scene().control.call('GET', '/v1/keys')).body.keys as unknown as readonly Listed[]
  const ids = async () => (await list()).map(({ keyId }) => keyId)
  const add = async () => {
    const added = await scene().control.call('POST', '/v1/keys')
    expect(added.status).toBe(201)
    return String(added.body.keyId)
  }
  const activate = (keyId: string) => scene().control.call('POST', `/v1/keys/${keyId}/activate`)
  const retire = (keyId: string) => scene().control.call('POST', `/v1/keys/${keyId}/retire`)
  const pinAll = async () => scene().agent.report({ pinnedKeys: [...(await ids())] })
  const kept = async () =>
    storedKeys
      .parse(JSON.parse((await scene().control.kept(storedNames.keys))!))
      .keys.map(({ publicKey }) => keyIdOf(publicKey))
  async function namedBySnapshot(): Promise<readonly string[]> {
    const { body } = await scene().control.call('GET', '/v1/clusters/eu-1/snapshot')
    const objects = body.objects as unknown as { kind: string; publicKeys: string[] }[]
    return objects.find(({ kind }) => kind === 'keys')?.publicKeys.map(keyIdOf) ?? []
  }
  async function signedBy(): Promise<string> {
    const path = '/v1/agents/eu-1/header'
    const { body } = await scene().control.call('GET', path, { token: scene().agent.token })
    return (body.header as unknown as { keyId: string }).keyId
  }
  return { list, ids, add, activate, retire, pinAll, kept, namedBySnapshot, signedBy }
}
