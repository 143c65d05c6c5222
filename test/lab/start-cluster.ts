/**
 * A real Kubernetes in namespaces of its own: etcd, API server, controllers, scheduler, and one node that runs
 * pods, or the first three alone. Whoever starts it holds it: when the process ends, in whatever way, every
 * part of the cluster ends with it.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { join } from 'node:path'
import { type ApiPort, openApiPort, statusOf } from './api-port.ts'
import { outputOf } from './command.ts'
import * as control from './control-plane.ts'
import { makeCredentials } from './credentials.ts'
import { furnish } from './inside.ts'
import { makeLabFolder, removeLab, sweep, writeRecord } from './lab-folder.ts'
import { type Namespaces, openNamespaces } from './namespaces.ts'
import { openNode } from './node.ts'
import { createPart, type Part, type PartPlan, untilPartsReady } from './part.ts'
import { apiServiceAddress, type LabPlan, type LabRequest, labPlan } from './plan.ts'
import { controlPlaneNeeds, nodeNeeds, prepareMachine } from './prerequisites.ts'
import { findPrograms, type Programs } from './programs/build.ts'
import { controlPlanePrograms, nodePrograms } from './programs/catalogue.ts'

export interface Cluster {
  readonly plan: LabPlan
  /** Everything of the cluster is in it; gone after `stop`. */
  readonly folder: string
  /** The same file serves on the machine and inside the lab. */
  readonly kubeconfig: string
  /** Of the first process inside, for `nsenter`. */
  readonly pid: number
  /** One JSON event a line; null without `audit`. */
  readonly auditLog: string | null
  readonly programs: Programs
  /** What it wrote to its standard output; throws with what it said when it fails. */
  kubectl(args: readonly string[], stdin?: string): Promise<string>
  /** Starts a command inside the lab's network, mounts and processes. */
  run(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess
  /** Gives the node an image from an OCI archive: nothing is pulled from a registry. */
  loadImage(archive: string): Promise<void>
  /** By its name, such as `kube-apiserver`: to stop, kill and start it. */
  part(name: string): Part
  /** Resolves when nothing of the lab is left on the machine. */
  stop(): Promise<void>
}

export interface StartOptions {
  readonly say?: (line: string) => void
  /** Ends the start, or the cluster later on. */
  readonly signal?: AbortSignal
}

const apiServerWithinMs = 90_000

export async function startCluster(request: LabRequest & StartOptions = {}): Promise<Cluster> {
  const { say = () => {}, signal, ...rest } = request
  const plan = labPlan.parse(rest)
  await prepareMachine(plan.nodes ? nodeNeeds : controlPlaneNeeds, say)
  await sweep(say)
  const names = plan.nodes ? nodePrograms : controlPlanePrograms
  const programs = await findPrograms(names, say, signal)
  signal?.throwIfAborted()

  const folder = makeLabFolder(plan.name)
  const closing: (() => Promise<void>)[] = [() => removeLab(folder)]
  let stopped: Promise<void> | null = null
  const stop = () => (stopped ??= closeAll(closing))
  try {
    const cluster = await bringUp(plan, folder, programs, closing, {
      say,
      ...(signal && { signal }),
    })
    signal?.addEventListener('abort', () => void stop())
    return { ...cluster, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The last that was opened first; every one, even when one fails. */
async function closeAll(closing: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const close of closing.toReversed()) await close().catch((error) => failures.push(error))
  if (failures.length > 0) throw new AggregateError(failures, 'a lab could not be removed whole')
}

async function bringUp(
  plan: LabPlan,
  folder: string,
  programs: Programs,
  closing: (() => Promise<void>)[],
  { say, signal }: { say: (line: string) => void; signal?: AbortSignal },
): Promise<Omit<Cluster, 'stop'>> {
  const socket = join(folder, 'api.sock')
  const { nodeAddress } = plan
  const record = {
    ...{ name: plan.name, kubeconfig: join(folder, 'kubeconfig'), kubectl: programs.kubectl! },
    ...{ podCidr: plan.podCidr, serviceCidr: plan.serviceCidr, nodeAddress },
  }
  writeRecord(folder, { ...record, pid: 0 })
  const api: ApiPort = await openApiPort(socket)
  closing.push(api.close)
  const namespaces: Namespaces = await openNamespaces([programs.init!, socket, String(api.port)])
  closing.push(namespaces.close)
  writeRecord(folder, { ...record, pid: namespaces.pid })

  const [credentials] = await Promise.all([
    makeCredentials({
      folder,
      name: plan.name,
      nodeName: plan.name,
      port: api.port,
      addresses: ['127.0.0.1', nodeAddress, apiServiceAddress(plan)],
    }),
    furnish(namespaces, plan, folder),
  ])

  const parts = new Map<string, Part>()
  let ending = false
  closing.push(async () => {
    ending = true
  })
  const startPart = (part: PartPlan): Part => {
    const one = createPart(part, namespaces, folder, ({ name, failure, logFile }) => {
      if (!ending) say(`${name} ${failure()}; its log: ${logFile}`)
    })
    parts.set(part.name, one)
    one.start()
    return one
  }

  const { file } = credentials.admin
  const cluster: Omit<Cluster, 'stop'> = {
    plan,
    folder,
    kubeconfig: file,
    pid: namespaces.pid,
    auditLog: plan.audit ? join(folder, 'audit.log') : null,
    programs,
    kubectl: (args, stdin = '') =>
      outputOf(
        spawn(programs.kubectl!, [...args], { env: { ...process.env, KUBECONFIG: file } }),
        `kubectl ${args.join(' ')}`,
        { stdin, withinMs: 180_000 },
      ),
    run: (command, args, options = {}) =>
      namespaces.run(command, args, {
        ...options,
        env: { ...process.env, KUBECONFIG: file, ...options.env },
      }),
    async loadImage() {
      throw new Error(`lab ${plan.name} has no node that could run an image`)
    },
    part(name) {
      const part = parts.get(name)
      if (part) return part
      throw new Error(
        `lab ${plan.name} has no part ${name}: it has ${[...parts.keys()].join(', ')}`,
      )
    },
  }

  const node = plan.nodes
    ? openNode({ plan, folder, programs, credentials, cluster, startPart })
    : null
  const of = { plan, folder, port: api.port, programs, credentials, auditLog: cluster.auditLog }
  const bound = signal && { signal }
  const store = startPart(control.etcd(of))
  const server = startPart(await control.apiServer(of))
  const readyz = async () => (await statusOf(credentials.admin, '/readyz')) === 200
  await untilPartsReady(
    'etcd and the API server',
    [store, server],
    readyz,
    apiServerWithinMs,
    bound?.signal,
  )
  startPart(control.controllerManager(of))
  if (!node) return cluster
  startPart(control.scheduler(of))
  await node.untilReady(signal)
  return { ...cluster, loadImage: node.loadImage }
}
