/**
 * One line of a log, as JSON for programs or as text for people, and the port through which all code
 * says it. What looks like a secret (a token, a webhook's secret, a password in an address) is struck out
 * here, whoever said it; fields are plain values of bounded size, and never a client's header.
 */
import { type LogCode, logCodes } from './log-codes.ts'

export type LogFormat = 'json' | 'text'
export type LogFields = Readonly<Record<string, LogValue | undefined>>
type LogValue = string | number | boolean | null | readonly string[]

/** Says what happened: a code of the catalogue, a sentence for people, fields for programs. */
export type Say = (code: LogCode, text: string, fields?: LogFields) => void

export interface LogOptions {
  readonly format: LogFormat
  /** In every line: `program`, `cluster`, `agent`, `pid` … */
  readonly base: LogFields & { readonly program: string }
  /** Wall clock, ms since 1970. */
  readonly now: () => number
  /** Must have written when it returns, so that nothing is lost at an exit. */
  readonly write: (line: string) => void
}

export const createSay =
  ({ format, base, now, write }: LogOptions): Say =>
  (code, text, fields = {}) => {
    const line = format === 'json' ? jsonLine : textLine
    write(`${line(now(), code, text, base, fields)}\n`)
  }

const textCharsMax = 4_096

function jsonLine(at: number, code: LogCode, text: string, base: LogFields, fields: LogFields) {
  const { level } = logCodes[code]
  const time = new Date(at).toISOString()
  return JSON.stringify({ time, level, code, ...base, ...fields, text }, (_, value) =>
    typeof value === 'string' ? safe(value) : value,
  )
}

function textLine(at: number, code: LogCode, text: string, base: LogFields, fields: LogFields) {
  const { program, agent, cluster } = base
  const who = agent ?? cluster
  const shown = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [`${name}=${safe(valueText(value))}`],
  )
  const { level } = logCodes[code]
  const time = new Date(at).toISOString().slice(11, 23)
  const from = who === undefined ? program : `${program} ${who}`
  return [time, level.padEnd(5), `${from}: ${safe(text)}`, ...[`[${code}]`], ...shown].join(' ')
}

const valueText = (value: LogValue): string => {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  return value !== null && typeof value === 'object' ? value.join(',') : String(value)
}

/** Control characters other than tab and line end never reach a terminal. */
const controlCharacters = /[^\P{Cc}\t\n]/gu

const secrets: readonly [pattern: RegExp, instead: string][] = [
  [/\b(swy_[a-z]+_)[\w-]{8,}/g, '$1…'],
  [/\b(whsec_)[\w+/=-]{8,}/g, '$1…'],
  [/\b([Bb]earer\s+)[\w.~+/=-]{8,}/g, '$1…'],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"]+@/gi, '$1…@'],
]

function safe(text: string): string {
  const short = text.length > textCharsMax ? `${text.slice(0, textCharsMax)}…` : text
  const clean = short.replaceAll(controlCharacters, ' ')
  return secrets.reduce((held, [pattern, instead]) => held.replaceAll(pattern, instead), clean)
}

/** What is said of a bug. */
export const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
