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
  readonly clusters: readonly string[]
  readonly leaves: readonly string[]
  readonly namespace?: string
}

export function initCommand(run: (flags: Flags) => Promise<void>): Command {
  return new Command('init')
    .description('Make the Secrets of Switchyard in a namespace, as far as they are missing.')
    .addOption(
      new Option('--clusters <names>', 'every cluster of the fleet, comma-separated')
        .env('SWITCHYARD_CLUSTERS')
        .makeOptionMandatory()
        .argParser(clusters),
    )
    .addOption(
      new Option(
        '--leaves <names>',
        'those of them that have a NATS leaf of their own, comma-separated',
      )
        .env('SWITCHYARD_LEAVES')
        .default([], 'none')
        .argParser((text) => (text === '' ? [] : clusters(text))),
    )
    .addOption(
      new Option('--namespace <name>', "where; left out: the pod's own, or the context's")
        .env('SWITCHYARD_NAMESPACE')
        .argParser(namespace),
    )
    .addHelpText('after', '\nOutside of a pod it uses what KUBECONFIG names.')
    .exitOverride()
    .action((flags: Flags, command: Command) => {
      const strange = flags.leaves.find((name) => !flags.clusters.includes(name))
      if (strange) command.error(`error: --leaves names ${strange}, which --clusters does not`)
      return run(flags)
    })
}

async function run(flags: Flags): Promise<void> {
  const config = new KubeConfig()
  config.loadFromDefault()
  const where = flags.namespace ?? ownNamespace(config)
  const store = createSecretStore(config, where)
  for (const plan of secretPlans(flags.clusters, flags.leaves)) {
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

function clusters(text: string): readonly string[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))]
  for (const name of names) {
    const parsed = clusterName.safeParse(name)
    if (!parsed.success) {
      throw new InvalidArgumentError(`"${name}": ${parsed.error.issues[0]!.message}`)
    }
  }
  if (names.length > limits.clusters) {
    throw new InvalidArgumentError(`a fleet has at most ${limits.clusters} clusters`)
  }
  return names
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
