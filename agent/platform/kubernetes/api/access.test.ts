import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccess } from './access.ts'
import { kubeconfigOf } from './api-server.fixture.ts'

const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }

let folder: string
const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'swy-access-'))
  write('token', 'first\n')
  write('ca.crt', 'a certificate')
  write('namespace', 'switchyard')
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('the way to the API server', () => {
  it('is in a pod what the kubelet has put there', async () => {
    const { server, namespace, current } = await openAccess(null, { folder, env })
    expect({ server, namespace }).toEqual({
      server: 'https://10.96.0.1:443',
      namespace: 'switchyard',
    })
    expect(await current()).toMatchObject({
      secure: { ca: 'a certificate' },
      headers: { authorization: 'Bearer first' },
    })
  })

  it('has the token that the kubelet has renewed', async () => {
    const { current } = await openAccess(null, { folder, env })
    write('token', 'second')
    expect(await current()).toMatchObject({ headers: { authorization: 'Bearer second' } })
  })

  it('may be an IPv6 address', async () => {
    const six = { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' }
    expect((await openAccess(null, { folder, env: six })).server).toBe('https://[fd00::1]:443')
  })

  it('says what a pod lacks', async () => {
    const open = openAccess(null, { folder, env: { KUBERNETES_SERVICE_HOST: '10.96.0.1' } })
    await expect(open).rejects.toThrow('KUBERNETES_SERVICE_PORT are not set: name a kubeconfig')
  })

  it('is the kubeconfig that was named, in a pod too', async () => {
    const file = join(folder, 'kubeconfig')
    writeFileSync(file, JSON.stringify(kubeconfigOf('http://127.0.0.1:1/')))
    const { server, namespace, current } = await openAccess(file, { folder, env })
    expect({ server, namespace }).toEqual({
      server: 'http://127.0.0.1:1',
      namespace: 'switchyard',
    })
    expect(await current()).toMatchObject({
      headers: { Authorization: 'Bearer secret-of-the-agent' },
    })
  })
})
