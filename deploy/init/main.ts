/**
 * The `init` Job of an installation in Kubernetes: what `control init` is on a machine. Makes the signing
 * keys, the admin token, an enrolment token per cluster and the users of NATS, as Secrets of its
 * namespace, as far as they are missing. Says which Secrets, never what is in them.
 */
import { readFileSync } from 'node:fs'
import { KubeConfig } from '@kubernetes/client-node'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { limits } from '#wire/limits.ts'
import { clusterName, namespace as namespaceName } from '#wire/names.ts'
import { completeSecret } from './init.ts'
import { createSecretStore } from './secret-store.ts'
import { secretPlans } from './secrets.ts'

const exitCodes = { failed: 1, usage: 2 } as const

interface Flags {
  readonly cluster?: string
  /** Every one of the fleet, its own included. */
  readonly clusters: readonly string[]
  readonly leaves: readonly string[]
  readonly namespace?: string
}

export function initCommand(run: (flags: Flags) => Promise<void>): Command {
  return new Command('init')
    .description('Make the Secrets of Switchyard in a namespace, as far as they are missing.')
    .addOption(
      new Option('--cluster <name>', 'the cluster of the agents that are installed beside it')
        .env('SWITCHYARD_CLUSTER')
        .argParser(oneCluster),
    )
    .addOption(
      new Option('--clusters <names>', 'all others of the fleet, comma-separated')
        .env('SWITCHYARD_CLUSTERS')
        .default([], 'none')
        .argParser(clusters),
    )
    .addOption(
      new Option(
        '--leaves <names>',
        'those of them that have a NATS leaf of their own, comma-separated',
      )
        .env('SWITCHYARD_LEAVES')
        .default([], 'none')
        .argParser(clusters),
    )
    .addOption(
      new Option('--namespace <name>', "where; left out: the pod's own, or the context's")
        .env('SWITCHYARD_NAMESPACE')
        .argParser(namespace),
    )
    .addHelpText('after', '\nOutside of a pod it uses what KUBECONFIG names.')
    .exitOverride()
    .action((flags: Flags, command: Command) => {
      const all = allClusters(flags)
      if (all.length === 0) command.error('error: no cluster is named: use --cluster or --clusters')
      if (all.length > limits.clusters) {
        command.error(`error: a fleet has at most ${limits.clusters} clusters`)
      }
      const strange = flags.leaves.find((name) => !all.includes(name))
      if (strange) command.error(`error: --leaves names ${strange}, which --clusters does not`)
      return run({ ...flags, clusters: all })
    })
}

async function run(flags: Flags): Promise<void> {
  const config = new KubeConfig()
  config.loadFromDefault()
  const where = flags.namespace ?? ownNamespace(config)
  const store = createSecretStore(config, where)
  for (const plan of secretPlans(flags.clusters, flags.leaves, flags.cluster)) {
    console.log(`${where}/${plan.name}: ${await completeSecret(store, plan)}`)
  }
}

const podNamespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'

function ownNamespace(config: KubeConfig): string {
  const ofContext = config.getContextObject(config.getCurrentContext())?.namespace
  if (ofContext) return ofContext
  try {
    return readFileSync(podNamespaceFile, 'utf8').trim()
  } catch {
    return 'default'
  }
}

const allClusters = ({ cluster, clusters }: Flags): readonly string[] => [
  ...new Set([...(cluster === undefined ? [] : [cluster]), ...clusters]),
]

const clusters = (text: string): readonly string[] =>
  text === '' ? [] : text.split(',').map((name) => oneCluster(name.trim()))

function oneCluster(name: string): string {
  const parsed = clusterName.safeParse(name)
  if (parsed.success) return name
  throw new InvalidArgumentError(`"${name}": ${parsed.error.issues[0]!.message}`)
}

function namespace(text: string): string {
  const parsed = namespaceName.safeParse(text)
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]!.message)
  return text
}

if (import.meta.main) {
  try {
    await initCommand(run).parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exit(error.exitCode === 0 ? 0 : exitCodes.usage)
    }
    console.error(`init: ${error instanceof Error ? error.message : error}`)
    process.exit(exitCodes.failed)
  }
}
