/**
 * `npm run cluster`: a real one-node Kubernetes on this machine until Ctrl-C, and what one does with those that
 * run: enter them, list them, give them images.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Command, InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import { bold, dim, green, red, say } from '../../deploy/local/screen.ts'
import { baseFileSystem } from './base-image.ts'
import { findLab } from './enter.ts'
import { conflictOf, joinable, joinLabs } from './join.ts'
import { type LabRecord, runningLabs } from './lab-folder.ts'
import { enterArguments } from './namespaces.ts'
import { labPlan } from './plan.ts'
import { imageNeeds, nodeNeeds, prepareMachine } from './prerequisites.ts'
import { findPrograms } from './programs/build.ts'
import { nodePrograms } from './programs/catalogue.ts'
import { type Cluster, startCluster } from './start-cluster.ts'

type Flag = 'name' | 'podCidr' | 'serviceCidr' | 'nodeAddress'

const checked = (flag: Flag) => (text: string) => {
  const parsed = labPlan.shape[flag].safeParse(text)
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'is not valid')
}
const option = (flags: string, flag: Flag, what: string) =>
  new Option(flags, what).argParser(checked(flag)).default(labPlan.shape[flag].parse(undefined))

const startFlags = z.object({
  name: z.string(),
  podCidr: z.string(),
  serviceCidr: z.string(),
  nodeAddress: z.string(),
  nodes: z.boolean(),
  audit: z.boolean().default(false),
  join: z.string().optional(),
})

function program(): Command {
  const root = new Command('npm run cluster --')
    .description('A real one-node Kubernetes on this machine, built from source, until Ctrl-C.')
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(red(text)) })

  root
    .command('start', { isDefault: true })
    .description('start a cluster and keep it until Ctrl-C (the default)')
    .addOption(option('--name <name>', 'name', 'of the cluster and of its node'))
    .addOption(option('--pod-cidr <range>', 'podCidr', 'addresses of pods'))
    .addOption(option('--service-cidr <range>', 'serviceCidr', 'addresses of Services'))
    .addOption(option('--node-address <address>', 'nodeAddress', 'address of the node'))
    .option('--join <other>', 'join the cluster of this name, which runs: pods reach each other')
    .option('--no-nodes', 'etcd, API server and controllers alone; no pod runs')
    .option('--audit', 'let the API server keep an audit log')
    .action(async (flags: unknown) => start(startFlags.parse(flags)))

  root
    .command('prepare')
    .description('install and build everything that a cluster needs, and end')
    .action(async () => {
      await prepareMachine([...nodeNeeds, ...imageNeeds], (line) => say(dim(line)))
      await findPrograms(nodePrograms, (line) => say(dim(line)))
      await baseFileSystem((line) => say(dim(line)))
      say('Everything is there. `npm run cluster` starts a cluster.')
    })

  root
    .command('exec')
    .description('run a command inside a cluster that runs: its network, mounts and processes')
    .option('--name <name>', 'which one', 'lab')
    .argument('<command...>')
    .passThroughOptions()
    .action(async (command: string[], { name }: { name: string }) => {
      process.exitCode = await execute(findLab(name), command)
    })

  root
    .command('list')
    .description('the clusters that run now')
    .action(() => {
      for (const { name, kubeconfig, pid } of runningLabs()) {
        say(`${name.padEnd(12)} first process ${pid}   KUBECONFIG=${kubeconfig}`)
      }
    })
  return root
}

async function start({ join, ...flags }: z.infer<typeof startFlags>): Promise<void> {
  const other = join === undefined ? null : findLab(join)
  const conflict = other && conflictOf({ ...flags, pid: 0 }, other)
  if (conflict) throw new Error(conflict)
  if (runningLabs().some(({ name }) => name === flags.name)) {
    throw new Error(`a cluster named ${flags.name} runs already; give this one another --name`)
  }
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort())
  const began = performance.now()
  const cluster = await startCluster({
    ...flags,
    signal: ending.signal,
    say: (line) => say(dim(line)),
  })
  if (other) await joinLabs(joinable(cluster), other)
  show(cluster, other, (performance.now() - began) / 1_000)
  if (!ending.signal.aborted) await once(ending.signal, 'abort')
  say(dim('\nstopping …'))
  await cluster.stop()
  say('Everything has stopped; nothing is left of it.')
}

function show(
  { plan, kubeconfig, auditLog, folder }: Cluster,
  joined: LabRecord | null,
  seconds: number,
): void {
  const name = plan.name === 'lab' ? '' : `--name ${plan.name} `
  say(
    `\n${green(`Cluster ${plan.name} is ready`)} after ${seconds.toFixed(1)} s. Ctrl-C ends it.\n`,
  )
  say(`  export KUBECONFIG=${kubeconfig}`)
  say(`  npm run -s cluster -- exec ${name}kubectl get nodes -o wide`)
  say(`\n${bold('Where')}`)
  say(`  pods ${plan.podCidr}   services ${plan.serviceCidr}   node ${plan.nodeAddress}`)
  say(`  logs ${folder}/logs`)
  if (joined)
    say(`  joined with ${joined.name}: pods ${joined.podCidr}   node ${joined.nodeAddress}`)
  if (auditLog) say(`  audit log ${auditLog}`)
}

async function execute(lab: LabRecord, [command = '', ...args]: string[]): Promise<number> {
  const programPath = command === 'kubectl' ? lab.kubectl : command
  const child = spawn('nsenter', [...enterArguments(lab.pid), '--', programPath, ...args], {
    stdio: 'inherit',
    env: { ...process.env, KUBECONFIG: lab.kubeconfig },
  })
  // Ctrl-C reaches the command itself, and this process waits for its answer.
  process.on('SIGINT', () => {})
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

try {
  await program().parseAsync()
} catch (error) {
  if (!(error instanceof Error && error.name === 'AbortError')) {
    say(red(error instanceof Error ? error.message : String(error)))
    process.exitCode = 1
  }
}
