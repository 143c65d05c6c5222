/**
 * The agent's command line: flags and `SWITCHYARD_*` variables in, a configuration out. Every value is
 * checked here once, with a sentence that says what to write instead.
 */
import { isIP } from 'node:net'
import { availableParallelism, hostname } from 'node:os'
import { resolve } from 'node:path'
import { Command, type CommanderError, InvalidArgumentError, Option } from 'commander'
import type { LogFormat } from '#wire/log-line.ts'
import { agentName, clusterName, hostname as hostnameWord, objectName } from '#wire/names.ts'
import type { Address, AgentConfig } from './config.ts'
import { logFormatFlag } from './log-format.ts'

const workersMax = 256

interface Flags {
  readonly cluster: string
  readonly name: string
  readonly enrol: AgentConfig['control']
  readonly nats?: string
  readonly introduction?: string
  readonly state?: string
  readonly listen: Address
  readonly probe: Address
  readonly admin: Address
  readonly workers: number
  readonly platform: AgentConfig['platform']
  readonly ingressClasses: readonly string[]
  readonly ingressAddress: readonly string[]
  readonly logFormat: LogFormat
}

/** `run` gets the configuration of a command line that is right; commander answers the others. */
export function agentCommand(run: (config: AgentConfig) => void): Command {
  const option = (flags: string, text: string, variable: string) =>
    new Option(flags, text).env(`SWITCHYARD_${variable}`)
  return new Command('agent')
    .description("An agent of Switchyard: carries a cluster's traffic as control has announced it.")
    .addOption(
      option('--cluster <name>', 'the cluster whose announcements it follows', 'CLUSTER')
        .makeOptionMandatory()
        .argParser(clusterFlag),
    )
    .addOption(
      option('--name <name>', 'its own name, unique in the cluster; dots become hyphens', 'AGENT')
        .default(ownName(), 'the host name')
        .argParser(nameFlag),
    )
    .addOption(
      option('--enrol <url#token>', "control's address and an enrolment token", 'ENROL')
        .makeOptionMandatory()
        .argParser(enrolFlag),
    )
    .addOption(
      option(
        '--nats <urls>',
        'NATS servers, comma-separated; left out: over HTTP',
        'NATS',
      ).argParser(natsFlag),
    )
    .addOption(
      option(
        '--introduction <file>',
        'with --nats: what it believes while control cannot be asked, on an empty disk (docs/install.md)',
        'INTRODUCTION',
      ).argParser((file) => resolve(file)),
    )
    .addOption(
      option(
        '--state <folder>',
        'its state folder (./.switchyard/agents/<cluster>-<name>)',
        'AGENT_STATE',
      ),
    )
    .addOption(address('--listen <host:port>', 'where traffic comes in', 'LISTEN', '0.0.0.0:8080'))
    .addOption(address('--probe <host:port>', 'answers /livez, /readyz', 'PROBE', '127.0.0.1:8081'))
    .addOption(
      address('--admin <host:port>', '/metrics, /table, /explain', 'ADMIN', '127.0.0.1:8082'),
    )
    .addOption(
      option('--workers <count>', 'processes that carry traffic', 'WORKERS')
        .default(Math.min(availableParallelism(), workersMax), 'one per core')
        .argParser(workersFlag),
    )
    .addOption(
      option(
        '--platform <which>',
        'local:<url>, static:<file> or kubernetes[:<kubeconfig>]: where the copies are',
        'PLATFORM',
      )
        .makeOptionMandatory()
        .argParser(platformFlag),
    )
    .addOption(
      option(
        '--ingress-classes <names>',
        'on kubernetes: classes of Ingress objects that are routes, comma-separated',
        'INGRESS_CLASSES',
      )
        .default(['switchyard'], 'switchyard')
        .argParser(classesFlag),
    )
    .addOption(
      option(
        '--ingress-address <addresses>',
        'on kubernetes: what the status of Ingress objects says: IP addresses, host names or service/<namespace>/<name>, comma-separated; left out: nothing',
        'INGRESS_ADDRESS',
      )
        .default([], 'nothing')
        .argParser(ingressAddressFlag),
    )
    .addOption(logFormatFlag())
    .addHelpText('after', examples)
    .showHelpAfterError('(--help shows every flag and examples)')
    .exitOverride(exitOf)
    .action((flags: Flags, command: Command) => {
      if (flags.introduction && !flags.nats) {
        command.error("error: '--introduction' is for an agent that follows NATS: say '--nats' too")
      }
      run(configOf(flags))
    })
}

const wrongCommandLine = 2

/** As control's: a wrong command line is told from a failure. */
function exitOf(error: CommanderError): never {
  process.exit(error.exitCode === 0 ? 0 : wrongCommandLine)
}

const examples = `
Each flag has an environment variable of the same meaning; the flag wins.
Exit codes: 0 told to stop, 1 failed, 2 wrong command line.

Examples:
  join the local fleet as a third agent of eu-1
    npm run agent -- --cluster eu-1 --name eu-1-c --enrol "http://127.0.0.1:7700/#$TOKEN" \\
      --listen 127.0.0.1:7903 --probe 127.0.0.1:7923 --admin 127.0.0.1:7943 \\
      --platform local:http://127.0.0.1:7800
  over NATS, in front of addresses that a file lists
    npm run agent -- --cluster us-1 --enrol "http://control:7700/#$TOKEN" \\
      --nats nats://nats:4222 --platform static:./addresses.json
`

function configOf(flags: Flags): AgentConfig {
  const { cluster, name } = flags
  return {
    cluster,
    name,
    stateFolder: resolve(flags.state ?? `.switchyard/agents/${cluster}-${name}`),
    listen: flags.listen,
    probe: flags.probe,
    admin: flags.admin,
    workers: flags.workers,
    control: flags.enrol,
    nats: flags.nats ?? null,
    ...(flags.introduction && { introduction: flags.introduction }),
    platform: flags.platform,
    ...(flags.platform.type === 'kubernetes' && {
      ingress: { classes: flags.ingressClasses, addresses: flags.ingressAddress },
    }),
    logFormat: flags.logFormat,
  }
}

function address(flags: string, text: string, variable: string, standard: string): Option {
  return new Option(flags, text)
    .env(`SWITCHYARD_${variable}`)
    .default(addressFlag(standard), standard)
    .argParser(addressFlag)
}

/** `127.0.0.1:8080`, `[::1]:8080`. Port 0 is refused: nobody would know where to find the agent. */
export function addressFlag(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('write host:port with a port from 1 to 65535: 127.0.0.1:8080')
  }
  return { host: match[1] ?? match[2]!, port }
}

export function clusterFlag(text: string): string {
  const parsed = clusterName.safeParse(text)
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError(parsed.error.issues[0]!.message)
}

/** Also the name of a node: `ip-10-0-1-7.ec2.internal`. */
function nameFlag(text: string): string {
  const parsed = agentName.safeParse(text.replaceAll('.', '-'))
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError(parsed.error.issues[0]!.message)
}

function ownName(): string {
  const label = hostname()
    .toLowerCase()
    .split('.')[0]!
    .replaceAll(/[^a-z0-9-]/g, '-')
  return agentName.safeParse(label).data ?? 'agent'
}

function enrolFlag(text: string): AgentConfig['control'] {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError('write control and token: http://127.0.0.1:7700/#swy_enrol_…')
  }
  const token = url.hash.slice(1)
  url.hash = ''
  return { url: url.href.replace(/\/+$/, ''), enrolmentToken: token === '' ? null : token }
}

function natsFlag(text: string): string {
  const servers = text.split(',').map((server) => server.trim())
  if (servers.every((server) => /^(nats|tls):\/\/[^/\s]+$/.test(server))) return servers.join(',')
  throw new InvalidArgumentError('write nats://host:port, several separated by commas')
}

function workersFlag(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= workersMax) return count
  throw new InvalidArgumentError(`write a number from 1 to ${workersMax}`)
}

function classesFlag(text: string): readonly string[] {
  const classes = text.split(',').map((name) => name.trim())
  const fault = classes.map((name) => objectName.safeParse(name)).find(({ success }) => !success)
  if (!fault) return classes
  throw new InvalidArgumentError('write names of classes, separated by commas: switchyard,haproxy')
}

function ingressAddressFlag(text: string): readonly string[] {
  const addresses = text.split(',').map((one) => one.trim())
  const isAddress = (one: string) =>
    isIP(one) !== 0 ||
    (hostnameWord.safeParse(one).success && !one.startsWith('*')) ||
    /^service\/[a-z0-9-]+\/[a-z0-9-]+$/.test(one)
  if (addresses.every(isAddress)) return addresses
  throw new InvalidArgumentError(
    'write IP addresses, host names or service/<namespace>/<name>, separated by commas',
  )
}

function platformFlag(text: string): AgentConfig['platform'] {
  const [type, rest = ''] = [text.split(':', 1)[0], text.slice(text.indexOf(':') + 1)]
  if (type === 'local' && URL.canParse(rest)) return { type, url: rest.replace(/\/+$/, '') }
  if (type === 'static' && rest !== '') return { type, file: resolve(rest) }
  if (text === 'kubernetes') return { type: 'kubernetes', kubeconfig: null }
  if (type === 'kubernetes' && rest !== '') return { type, kubeconfig: resolve(rest) }
  throw new InvalidArgumentError(
    'write local:http://127.0.0.1:7801, static:./addresses.json or kubernetes[:kubeconfig]',
  )
}
