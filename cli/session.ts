/**
 * One run of the command line: the flags that every command has, the client that they lead to, and the
 * one way in which answers are printed. Commands ask for what they need; nothing is made before.
 */
import { stringify } from 'yaml'
import type { z } from 'zod'
import { type Client, createClient } from './client.ts'
import { isOpenToOthers, type Target, targetOf } from './contexts.ts'
import type { Desk } from './desk.ts'
import { Failure, usage } from './failure.ts'
import { type Painter, painter } from './paint.ts'
import { type Column, fields, table } from './table.ts'
import { relative, withInstants } from './times.ts'

export const formats = ['table', 'wide', 'json', 'yaml'] as const
export type Format = (typeof formats)[number]

export interface SharedFlags {
  readonly context?: string
  readonly output?: Format
  readonly reason?: string
}

export interface Session {
  readonly desk: Desk
  readonly format: Format
  readonly paint: Painter
  /** Made when it is first asked for. */
  readonly client: Client
  readonly target: Target
  /** `--reason`. */
  readonly reason: string | null
  /** A GET, parsed by the shape of what is used of it; unknown fields stay for `-o json`. */
  read<Shape extends z.ZodType>(
    shape: Shape,
    path: string,
    query?: Parameters<Client['get']>[1],
  ): Promise<z.output<Shape>>
  /** The answer in `-o json` and `-o yaml`; otherwise what `text` gives. */
  print(answer: unknown, text: () => readonly string[]): void
  rows<Row>(
    answer: unknown,
    rows: readonly Row[],
    columns: readonly Column<Row>[],
    none: string,
  ): void
  /** A table of its own, for use within `print`. */
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[]
  fields(pairs: Parameters<typeof fields>[0]): string[]
  /** For people: on stderr, so that the output stays what was asked for. */
  say(line: string): void
  /** "3m ago" on a terminal, else the instant. */
  when(atMs: number | null | undefined): string | null
}

export function createSession(desk: Desk, flags: () => SharedFlags): Session {
  const paint = painter(desk.out)
  let target: Target | null = null
  let client: Client | null = null
  const line = (text: string) => desk.out.write(`${text}\n`)
  const session: Session = {
    desk,
    paint,
    get format() {
      return flags().output ?? 'table'
    },
    get reason() {
      const { reason } = flags()
      // It travels in a header, which holds bytes.
      if (reason && /[^\x20-\x7e\xa0-\xff]/.test(reason)) {
        throw usage('--reason: one line of Latin letters, please', 'Other scripts do not fit.')
      }
      return reason ?? null
    },
    get target() {
      if (!target && isOpenToOthers(desk)) {
        session.say('warning: others of this machine can read your tokens; chmod 600 the contexts')
      }
      target ??= targetOf(desk, flags())
      return target
    },
    get client() {
      const { reason } = session
      client ??= createClient({ ...session.target, reason, interrupted: desk.interrupted })
      return client
    },
    async read(shape, path, query) {
      return understood(shape, await session.client.get(path, query), `GET ${path}`)
    },
    print(answer, text) {
      const { format } = session
      if (format === 'json') line(JSON.stringify(withInstants(answer), null, 2))
      else if (format === 'yaml') desk.out.write(stringify(withInstants(answer)))
      else for (const one of text()) line(one)
    },
    rows(answer, rows, columns, none) {
      session.print(answer, () => {
        if (rows.length > 0) return session.table(rows, columns)
        session.say(none)
        return []
      })
    },
    table(rows, columns) {
      const wide = session.format === 'wide'
      const chosen = columns.filter((column) => wide || !column.wide)
      return table(rows, chosen, wide ? null : desk.out.columns(), paint)
    },
    fields: (pairs) => fields(pairs, desk.out.columns(), paint),
    say: (text) => desk.err.write(`${text}\n`),
    when(atMs) {
      if (atMs === null || atMs === undefined) return null
      return desk.out.columns() === null
        ? new Date(atMs).toISOString()
        : relative(atMs, desk.nowMs())
    },
  }
  return session
}

export function understood<Shape extends z.ZodType>(
  shape: Shape,
  answer: unknown,
  where: string,
): z.output<Shape> {
  const read = shape.safeParse(answer)
  if (read.success) return read.data
  const why = read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new Failure({
    ending: 'failed',
    what: 'control gives an answer that this version of switchyard does not understand',
    where,
    why: why.slice(0, 5),
    fix: 'Use the switchyard of the version that control has: `switchyard version` shows both.',
  })
}
