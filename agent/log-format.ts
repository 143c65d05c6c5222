/** The flag for the form of the log: text where a person looks at a terminal, else JSON. */
import { Option } from 'commander'
import type { LogFormat } from '#wire/log-line.ts'

const standard = (): LogFormat => (process.stderr.isTTY ? 'text' : 'json')

export const logFormatFlag = (): Option =>
  new Option('--log-format <form>', 'json or text, a line each on stderr')
    .env('SWITCHYARD_LOG_FORMAT')
    .choices(['json', 'text'])
    .default(standard(), 'text on a terminal, else json')
