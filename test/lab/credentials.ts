/**
 * Who may do what in a lab: one certificate for the API server, the key that signs tokens of service accounts,
 * and a token for each part, in the groups that Kubernetes' own roles are bound to.
 */
import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Credentials {
  readonly certificateFile: string
  readonly keyFile: string
  readonly serviceAccountKeyFile: string
  readonly tokensFile: string
  readonly admin: Kubeconfig
  readonly controllerManager: Kubeconfig
  readonly scheduler: Kubeconfig
  readonly proxy: Kubeconfig
  readonly kubelet: Kubeconfig
}

export interface Kubeconfig {
  readonly file: string
  readonly server: string
  readonly certificate: string
  readonly token: string
}

export interface CredentialsPlan {
  readonly folder: string
  readonly name: string
  readonly nodeName: string
  /** Where the API server answers, on the machine and in the lab alike. */
  readonly port: number
  readonly addresses: readonly string[]
}

export async function makeCredentials(plan: CredentialsPlan): Promise<Credentials> {
  const at = (name: string) => join(plan.folder, name)
  const [certificateFile, keyFile] = [at('apiserver.crt'), at('apiserver.key')]
  await makeCertificate(certificateFile, keyFile, plan.addresses)
  const certificate = await readFile(certificateFile, 'utf8')

  const serviceAccountKeyFile = at('service-accounts.key')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeSecret(serviceAccountKeyFile, privateKey.export({ type: 'pkcs1', format: 'pem' }) as string)

  const tokens: string[] = []
  const kubeconfig = async (file: string, user: string, group = ''): Promise<Kubeconfig> => {
    const token = randomBytes(16).toString('hex')
    tokens.push(`${token},${user},${user}${group && `,${group}`}`)
    const server = `https://127.0.0.1:${plan.port}`
    const text = kubeconfigText(plan.name, user, server, certificate, token)
    await writeFile(at(file), text, { mode: 0o600 })
    return { file: at(file), server, certificate, token }
  }
  const node = `system:node:${plan.nodeName}`
  const credentials = {
    certificateFile,
    keyFile,
    serviceAccountKeyFile,
    tokensFile: at('tokens.csv'),
    admin: await kubeconfig('kubeconfig', 'admin', 'system:masters'),
    controllerManager: await kubeconfig('controllers.kubeconfig', 'system:kube-controller-manager'),
    scheduler: await kubeconfig('scheduler.kubeconfig', 'system:kube-scheduler'),
    proxy: await kubeconfig('proxy.kubeconfig', 'system:kube-proxy'),
    kubelet: await kubeconfig('kubelet.kubeconfig', node, 'system:nodes'),
  }
  writeSecret(credentials.tokensFile, `${tokens.join('\n')}\n`)
  return credentials
}

const writeSecret = (file: string, text: string) => writeFileSync(file, text, { mode: 0o600 })

/** It is its own authority: clients trust exactly this one. */
async function makeCertificate(
  certificateFile: string,
  keyFile: string,
  addresses: readonly string[],
): Promise<void> {
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost']
  const alternatives = [
    ...names.map((name) => `DNS:${name}`),
    ...addresses.map((address) => `IP:${address}`),
  ]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await run(
    'openssl',
    [
      ...['req', '-x509', ...key, '-keyout', keyFile, '-out', certificateFile],
      ...['-days', '30', '-subj', '/CN=kube-apiserver'],
      ...['-addext', `subjectAltName=${alternatives.join(',')}`],
    ],
    { timeout: 20_000 },
  )
}

function kubeconfigText(
  cluster: string,
  user: string,
  server: string,
  certificate: string,
  token: string,
): string {
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': cluster,
      contexts: [{ name: cluster, context: { cluster, user } }],
      clusters: [
        {
          name: cluster,
          cluster: {
            server,
            'certificate-authority-data': Buffer.from(certificate).toString('base64'),
          },
        },
      ],
      users: [{ name: user, user: { token } }],
    },
    null,
    2,
  )
}
