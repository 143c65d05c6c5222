/**
 * What an operator brings to a cluster that has a NATS leaf (ADR 17): the Secret `switchyard-nats` for that
 * cluster, on stdout. It holds the leaf's configuration, and the introduction of agents that start on an empty
 * disk while control is away. Run in control's pod, where the keys and users are; run again when a key was replaced.
 *
 *   node deploy/nats/introduce.ts us-1 --hub nats.example:7422
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { type Introduction, introduction } from '#wire/enrolment.ts'
import { clusterName } from '#wire/names.ts'
import { natsCredentials } from '../../control/delivery/nats-credentials.ts'
import { storedKeys } from '../../control/trust/keys.ts'
import { leafConfig, podPlace } from './config.ts'

const exitCodes = { failed: 1, usage: 2 } as const

interface Flags {
  readonly hub: string
  readonly state: string
  readonly natsCredentials: string
}

const program = new Command('introduce')
  .description("Print the Secret that a cluster's NATS leaf and agents need.")
  .argument('<cluster>', 'a cluster of SWITCHYARD_LEAVES', cluster)
  .requiredOption('--hub <host:port>', "where the fleet's NATS takes leaves", hub)
  .addOption(
    new Option('--state <folder>', "control's state folder")
      .env('SWITCHYARD_CONTROL_STATE')
      .makeOptionMandatory(),
  )
  .addOption(
    new Option('--nats-credentials <file>', 'users of NATS')
      .env('SWITCHYARD_NATS_CREDENTIALS')
      .makeOptionMandatory(),
  )
  .exitOverride()
  .action((name: string, flags: Flags) => {
    console.log(JSON.stringify(leafSecret(name, flags), null, 2))
  })

function leafSecret(cluster: string, flags: Flags): object {
  const users = natsCredentials.parse(json(flags.natsCredentials))
  const found = users.clusters[cluster]
  if (!found?.leaf) {
    throw new Error(
      `${cluster} has no leaf: add it to SWITCHYARD_LEAVES of the init Job and run that again`,
    )
  }
  const user = { user: found.user, password: found.password }
  const { keys } = storedKeys.parse(json(join(flags.state, 'keys.json')))
  const controlKeys = keys.map(({ publicKey }) => publicKey)
  const introduced: Introduction = introduction.parse({ cluster, controlKeys, nats: user })
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'switchyard-nats',
      labels: { 'app.kubernetes.io/name': 'switchyard' },
    },
    stringData: {
      'nats.conf': leafConfig(podPlace, { cluster, user, hub: flags.hub }),
      'introduction.json': `${JSON.stringify(introduced)}\n`,
    },
  }
}

/** Says which file, and nothing of what is in it. */
function json(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    throw new Error(`${file} is missing or damaged`)
  }
}

function cluster(text: string): string {
  const parsed = clusterName.safeParse(text)
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]!.message)
  return text
}

function hub(text: string): string {
  if (/^[^\s/@"]+:\d{1,5}$/.test(text)) return text
  throw new InvalidArgumentError('write host:port, for example nats.example:7422')
}

if (import.meta.main) {
  try {
    program.parse()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exit(error.exitCode === 0 ? 0 : exitCodes.usage)
    }
    console.error(`introduce: ${error instanceof Error ? error.message : error}`)
    process.exit(exitCodes.failed)
  }
}
