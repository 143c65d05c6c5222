/**
 * What a command has in front of it: the environment, both outputs, the clock and the terminal. Only
 * `main.ts` makes the real one; tests make others, so that no command reads `process` itself.
 */
export interface Desk {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where relative paths begin and where `.switchyard` is looked for. */
  readonly folder: string
  /** Home of the user, for the configuration. */
  readonly home: string
  readonly out: Screen
  readonly err: Screen
  /** All of standard input. */
  stdin(): Promise<string>
  nowMs(): number
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal
}

export interface Screen {
  write(text: string): void
  /** Null: not a terminal, so that lines are as long as they are. */
  columns(): number | null
  rows(): number | null
  readonly colours: boolean
}

/** Text of others may hold control characters, which a terminal would obey. */
export const plain = (text: string): string =>
  text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
