/** Why something failed, in one line for a log: `fetch` hides the reason in the cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error ? `${words(error)}: ${words(cause)}` : words(error)
}

/** A name with several addresses of which none answers gives an error without a message. */
const words = (error: Error): string =>
  error.message || String((error as NodeJS.ErrnoException).code ?? error.name)
