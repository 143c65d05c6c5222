/** Control's command line: flags and `SWITCHYARD_*` variables in, checked values out. */
import { isAbsolute, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { limits } from '#wire/limits.ts'
import type { LogFormat } from '#wire/log-line.ts'
import { clusterName, routeName } from '#wire/names.ts'
import type { Scope } from '../domain/input.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface Commands {
  init(options: InitFlags): Promise<void>
  start(options: StartFlags): Promise<void>
  recover(options: { state: string }): Promise<void>
  token(options: { state: string; name: string; scope: Scope }): Promise<void>
  backup(file: string, options: { state: string }): Promise<void>
  restore(file: string, options: { state: string }): Promise<void>
  export(file: string, options: { state: string }): Promise<void>
  import(file: string, options: { state: string }): Promise<void>
}

/** One of the two is given. */
export interface InitFlags {
  readonly state: string
  readonly cluster?: readonly string[]
  readonly from?: string
}

export interface StartFlags {
  readonly state: string
  readonly listen: ListenAddress
  readonly host: string[]
  readonly nats?: string
  readonly readLimit: number
  readonly changeLimit: number
  readonly natsCredentials?: string
  readonly logFormat: LogFormat
}

/** Commander answers command lines that are wrong; the others reach `commands`. */
export function controlCommand(commands: Commands): Command {
  const program = new Command('control')
    .description("Switchyard's control plane: the API, the event log, the announcements to agents.")
    .addHelpText('after', epilogue)
    .showHelpAfterError('(--help shows commands and flags)')
    .exitOverride()
  const command = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .addOption(
        option('--state <folder>', 'the state folder: log, keys, first tokens', 'CONTROL_STATE')
          .makeOptionMandatory()
          .argParser((folder) => (isAbsolute(folder) ? folder : resolve(folder))),
      )
      .exitOverride()

  command('init', 'make keys, tokens and clusters, as far as they are missing')
    .option('--cluster <name>', 'a cluster to have; repeat it for more', clusters)
    .addOption(
      option(
        '--from <folder>',
        'instead: what the init Job of deploy/ made, mounted; its clusters are those with a token',
        'CONTROL_FROM',
      )
        .argParser((folder) => resolve(folder))
        .conflicts('cluster'),
    )
    .action((flags: InitFlags, command: Command) => {
      if (flags.from || flags.cluster) return commands.init(flags)
      command.error("error: say '--cluster <name>', or '--from <folder>'")
    })
  command('start', 'serve the API and announce to agents, until SIGTERM')
    .addOption(
      option('--listen <host:port>', 'where the API listens', 'CONTROL_LISTEN')
        .default({ host: '127.0.0.1', port: 7700 }, '127.0.0.1:7700')
        .argParser(listen),
    )
    .option(
      '--host <name>',
      'a further name that it is called by; repeat it for more',
      repeated,
      [],
    )
    .addOption(option('--nats <urls>', 'announce over these NATS servers, comma-separated', 'NATS'))
    .addOption(
      option(
        '--nats-credentials <file>',
        "users of NATS: control's own and one per cluster",
        'NATS_CREDENTIALS',
      ),
    )
    .addOption(
      option(
        '--read-limit <calls>',
        'calls in 10 s that one token may look with',
        'CONTROL_READ_LIMIT',
      )
        .default(limits.readsPerWindow)
        .argParser(calls),
    )
    .addOption(
      option(
        '--change-limit <calls>',
        'calls in 10 s that one token may change something with',
        'CONTROL_CHANGE_LIMIT',
      )
        .default(limits.changesPerWindow)
        .argParser(calls),
    )
    .addOption(
      option('--log-format <form>', 'json or text, a line each on stderr', 'LOG_FORMAT')
        .choices(['json', 'text'])
        .default(process.stderr.isTTY ? 'text' : 'json', 'text on a terminal, else json'),
    )
    .action(commands.start)
  command(
    'recover',
    'raise the epoch: the word of this log counts, even where agents are ahead of it',
  ).action(commands.recover)
  command(
    'token',
    'make a token on the machine, when the last one is lost; control must be stopped',
  )
    .requiredOption('--name <name>', 'its name; one that exists is replaced', tokenName)
    .addOption(
      new Option('--scope <scope>', 'what it may')
        .choices(['admin', 'release', 'read'])
        .default('admin'),
    )
    .action(commands.token)
  command('backup', 'copy log, keys and tokens into one file, also while control runs')
    .argument('<file>', 'the file to make; it will hold private keys')
    .action(commands.backup)
  command('restore', 'fill a state folder without a log from a backup')
    .argument('<file>', 'a file that `backup` made')
    .action(commands.restore)
  command(
    'export',
    'write log, keys and tokens as lines that a Durable Object takes (docs/edge.md)',
  )
    .argument('<file>', 'the file to make; it will hold private keys')
    .action(commands.export)
  command(
    'import',
    'fill a state folder without a log from an export, also of a Durable Object; the epoch is raised',
  )
    .argument('<file>', 'a file that `export` or `GET /edge/log` made')
    .action(commands.import)
  return program
}

const option = (flags: string, text: string, variable: string) =>
  new Option(flags, text).env(`SWITCHYARD_${variable}`)

const repeated = (value: string, before: string[] = []): string[] => [...before, value]

function tokenName(value: string): string {
  const parsed = routeName.safeParse(value)
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]!.message)
  return value
}

function clusters(value: string, before: string[] = []): string[] {
  const parsed = clusterName.safeParse(value)
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]!.message)
  return [...before, value]
}

function calls(value: string): number {
  const count = Number(value)
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new InvalidArgumentError('say a number from 1 on')
  return count
}

function listen(value: string): ListenAddress {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+):(\d{1,5})$/i.exec(value)
  const port = Number(match?.[2])
  if (!match || port > 65_535) throw new InvalidArgumentError('say host:port, as 127.0.0.1:7700')
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port }
}

const epilogue = `
Flags with a variable in brackets may be given by it; the flag wins.
Exit codes: 0 done, 1 failed, 2 wrong command line, 3 another control works on the state folder.

Examples:
  npm run control -- init --state control --cluster eu-1 --cluster us-1
  npm run control -- start --state control --listen 127.0.0.1:7700
  npm run control -- backup --state control switchyard.backup`
