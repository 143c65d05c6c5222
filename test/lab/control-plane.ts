/** How etcd, the API server, the controllers and the scheduler of a lab are called. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Credentials } from './credentials.ts'
import type { PartPlan } from './part.ts'
import type { LabPlan } from './plan.ts'
import type { Programs } from './programs/build.ts'

export interface ControlPlanePlan {
  readonly plan: LabPlan
  readonly folder: string
  readonly port: number
  readonly programs: Programs
  readonly credentials: Credentials
  /** File of the audit log; null without. */
  readonly auditLog: string | null
}

const etcdPort = 2379

export function etcd({ folder, programs }: ControlPlanePlan): PartPlan {
  const peer = 'http://127.0.0.1:2380'
  const client = `http://127.0.0.1:${etcdPort}`
  return {
    name: 'etcd',
    command: programs.etcd!,
    args: [
      ...['--data-dir', join(folder, 'etcd'), '--log-level', 'warn', '--unsafe-no-fsync'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', `default=${peer}`],
    ],
  }
}

export async function apiServer(of: ControlPlanePlan): Promise<PartPlan> {
  const { plan, folder, port, programs, credentials, auditLog } = of
  const { serviceAccountKeyFile } = credentials
  return {
    name: 'kube-apiserver',
    command: programs['kube-apiserver']!,
    args: [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      '--bind-address=0.0.0.0',
      `--secure-port=${port}`,
      `--advertise-address=${plan.nodeAddress}`,
      `--tls-cert-file=${credentials.certificateFile}`,
      `--tls-private-key-file=${credentials.keyFile}`,
      `--service-cluster-ip-range=${plan.serviceCidr}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${serviceAccountKeyFile}`,
      `--service-account-signing-key-file=${serviceAccountKeyFile}`,
      `--token-auth-file=${credentials.tokensFile}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
      // Otherwise logs and exec look the node's name up in DNS.
      '--kubelet-preferred-address-types=InternalIP',
      ...(auditLog ? await auditFlags(folder, auditLog) : []),
    ],
  }
}

/** Who did which verb to what, once each; no bodies. */
async function auditFlags(folder: string, auditLog: string): Promise<string[]> {
  const policyFile = join(folder, 'audit-policy.json')
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata' }],
  }
  await writeFile(policyFile, JSON.stringify(policy))
  return [`--audit-policy-file=${policyFile}`, `--audit-log-path=${auditLog}`]
}

export const controllerManager = ({ plan, programs, credentials }: ControlPlanePlan): PartPlan => ({
  name: 'kube-controller-manager',
  command: programs['kube-controller-manager']!,
  args: [
    `--kubeconfig=${credentials.controllerManager.file}`,
    '--leader-elect=false',
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${credentials.serviceAccountKeyFile}`,
    `--root-ca-file=${credentials.certificateFile}`,
    `--cluster-cidr=${plan.podCidr}`,
    // Each controller asks for its own token first: at the default of 20 requests a second that takes 6 s.
    '--kube-api-qps=300',
    '--kube-api-burst=600',
  ],
})

export const scheduler = ({ programs, credentials }: ControlPlanePlan): PartPlan => ({
  name: 'kube-scheduler',
  command: programs['kube-scheduler']!,
  args: [`--kubeconfig=${credentials.scheduler.file}`, '--leader-elect=false'],
})
