/** How containerd, the kubelet and kube-proxy of a lab are called, with the files that configure them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Credentials } from './credentials.ts'
import type { PartPlan } from './part.ts'
import { dnsAddress, type LabPlan } from './plan.ts'
import type { Programs } from './programs/build.ts'

export interface NodePlan {
  readonly plan: LabPlan
  readonly folder: string
  readonly programs: Programs
  readonly credentials: Credentials
}

/** The bridge that pods hang on. */
export const podsDevice = 'pods0'
export const pauseImage = 'lab/pause:1'
/** `/run` is the lab's own. */
const containerdSocket = '/run/containerd/containerd.sock'

export function containerd({ plan, folder }: NodePlan): PartPlan {
  const networkFolder = join(folder, 'network')
  mkdirSync(networkFolder)
  writeFileSync(join(networkFolder, '10-lab.conflist'), networkPlugins(plan, folder))
  const config = join(folder, 'containerd.toml')
  writeFileSync(config, containerdConfig(folder, networkFolder))
  return { name: 'containerd', command: 'containerd', args: ['--config', config] }
}

/** `portmap` gives pods host ports. Nothing is masqueraded: pods are reached at their own addresses. */
const networkPlugins = (plan: LabPlan, folder: string) =>
  JSON.stringify({
    cniVersion: '1.0.0',
    name: 'lab',
    plugins: [
      {
        type: 'bridge',
        bridge: podsDevice,
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(folder, 'addresses'),
          ranges: [[{ subnet: plan.podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  })

/** The snapshotters that are switched off want file systems that are not here, and say so at length. */
const containerdConfig = (folder: string, networkFolder: string) => `version = 2
root = "${join(folder, 'containerd')}"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
address = "${containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
# The machine may not allow a lower score than its own.
restrict_oom_score_adj = true
sandbox_image = "${pauseImage}"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${networkFolder}"
`

export function kubelet({ plan, folder, programs, credentials }: NodePlan): PartPlan {
  const config = join(folder, 'kubelet.json')
  writeFileSync(config, JSON.stringify(kubeletConfig(plan, folder)))
  return {
    name: 'kubelet',
    command: programs.kubelet!,
    args: [
      `--config=${config}`,
      `--kubeconfig=${credentials.kubelet.file}`,
      `--hostname-override=${plan.name}`,
      `--node-ip=${plan.nodeAddress}`,
      `--root-dir=${join(folder, 'kubelet')}`,
    ],
  }
}

/** The lab shares the machine's disk, memory and control groups with everything else on it. */
const kubeletConfig = (plan: LabPlan, folder: string) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  // Nothing outside of the lab's own network reaches it.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  containerRuntimeEndpoint: `unix://${containerdSocket}`,
  failCgroupV1: false,
  cgroupDriver: 'cgroupfs',
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  localStorageCapacityIsolation: false,
  oomScoreAdj: 0,
  failSwapOn: false,
  evictionHard: {
    'memory.available': '50Mi',
    'nodefs.available': '1%',
    'nodefs.inodesFree': '1%',
    'imagefs.available': '1%',
  },
  // Images are loaded, not pulled: what is collected would be gone.
  imageGCHighThresholdPercent: 100,
  resolvConf: '',
  clusterDNS: [dnsAddress(plan)],
  clusterDomain: 'cluster.local',
  podLogsDir: join(folder, 'logs/pods'),
  volumePluginDir: join(folder, 'volume-plugins'),
  registerWithTaints: [],
  shutdownGracePeriod: '0s',
  syncFrequency: '10s',
  nodeStatusUpdateFrequency: '5s',
  maxPods: 200,
})

export const kubeProxy = ({ plan, folder, programs, credentials }: NodePlan): PartPlan => {
  const config = join(folder, 'proxy.json')
  writeFileSync(
    config,
    JSON.stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: 'nftables',
      hostnameOverride: plan.name,
      clusterCIDR: plan.podCidr,
      clientConnection: { kubeconfig: credentials.proxy.file },
      conntrack: { maxPerCore: 0 },
    }),
  )
  return { name: 'kube-proxy', command: programs['kube-proxy']!, args: [`--config=${config}`] }
}
