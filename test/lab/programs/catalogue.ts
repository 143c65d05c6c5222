/**
 * The programs of a lab that no Debian package has, at one pinned version each: which package of which Go
 * module they are built from, in the order in which a first build needs them.
 */
import { join } from 'node:path'

export const kubernetesVersion = 'v1.37.2'

export interface ProgramSource {
  readonly name: string
  /** The folder of the Go module. */
  readonly module: string
  /** A package of the module, or one that it pins as a tool. */
  readonly package: string
  /** What it says it is. */
  readonly linkerFlags: string
  /** More names that it is called by; it decides by the name what it does. */
  readonly alsoCalled?: readonly string[]
}

const binaries = join(import.meta.dirname, '../binaries')
const small = '-s -w'
const kubernetes = `${small} -X k8s.io/component-base/version.gitVersion=${kubernetesVersion}`

export const programNames = [
  'init',
  'pause',
  'demo',
  'etcd',
  'kubectl',
  'kubernetes',
  'kube-proxy',
  'kubelet',
  'coredns',
] as const
export type ProgramName = (typeof programNames)[number]

const packages: Readonly<Record<ProgramName, string>> = {
  init: './init',
  pause: './pause',
  demo: './demo',
  etcd: 'go.etcd.io/etcd/server/v3',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  kubernetes: './kubernetes',
  'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
  coredns: '.',
}

/** For an API server with its controllers. */
export const controlPlanePrograms = ['init', 'etcd', 'kubernetes', 'kubectl'] as const
/** For a node that runs pods. */
export const nodePrograms = [
  ...controlPlanePrograms,
  'pause',
  'demo',
  'kube-proxy',
  'kubelet',
  'coredns',
] as const

export function sourceOf(name: ProgramName): ProgramSource {
  const ofKubernetes = packages[name].includes('kube')
  return {
    name,
    module: name === 'coredns' ? join(binaries, 'coredns') : binaries,
    package: packages[name],
    linkerFlags: ofKubernetes ? kubernetes : small,
    ...(name === 'kubernetes' && {
      alsoCalled: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'],
    }),
  }
}
