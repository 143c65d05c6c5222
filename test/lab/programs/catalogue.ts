/**
 * The programs of a lab that no Debian package has, at one pinned version each: which package of the Go module
 * in `../binaries` each is built from.
 */
import { basename, join } from 'node:path'

export const kubernetesVersion = 'v1.37.2'
export const goModule = join(import.meta.dirname, '../binaries')

/** Without what only a debugger reads, which takes a tenth of the time; the version is what Kubernetes says it is. */
export const buildFlags = [
  '-trimpath',
  '-gcflags=all=-dwarf=false',
  `-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=${kubernetesVersion}`,
] as const

const packages = {
  init: './init',
  pause: './pause',
  demo: './demo',
  etcd: 'go.etcd.io/etcd/server/v3',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  kubernetes: './kubernetes',
  'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
  coredns: './coredns',
} as const
export type ProgramName = keyof typeof packages

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

export interface ProgramSource {
  readonly name: ProgramName
  /** A package of the module, or one that it pins as a tool. */
  readonly package: string
  /** As Go names what it builds: after the package, without its major version. */
  readonly builtAs: string
  /** More names that it is called by; it decides by the name what it does. */
  readonly alsoCalled: readonly string[]
}

export const sourceOf = (name: ProgramName): ProgramSource => ({
  name,
  package: packages[name],
  builtAs: basename(packages[name].replace(/\/v\d+$/, '')),
  alsoCalled:
    name === 'kubernetes' ? ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] : [],
})
