/**
 * What is worth a report: at once what a switch waits for; a moment later what people look at; the ledger
 * now and then, because exchanges begin and end all the time.
 */
import type { Endpoints, Usage } from '../../link.ts'
import type { Progress } from '../convergence.ts'

export interface News {
  progressed(progress: Progress, urgent: boolean): void
  usageChanged(): void
  refused(): void
  stop(): void
}

const ledgerMs = 250

export function createNews(options: {
  readonly reporter: () => { now(): void; soon(): void } | null
  readonly usage: () => Usage
  /** A position became active so long after its header had come. */
  readonly onSwitched: (ms: number) => void
}): News {
  const { reporter, usage, onSwitched } = options
  const measured = new Map<string, number>()
  let shown = ''
  let counted: Endpoints = {}
  let ledger = ''
  let timer: NodeJS.Timeout | null = null

  function measure({ standings }: Progress): void {
    for (const [app, { active, proof }] of standings) {
      if (measured.get(app) === active || proof?.generation !== active) continue
      measured.set(app, active)
      if (proof.appliedMs !== null) onSwitched(proof.appliedMs)
    }
  }

  return {
    progressed(progress, urgent) {
      const { held, equal, drift, ready, arrived, workers } = progress
      const text = [held?.header.revision, equal, drift, ready, workers.length].join(' ')
      // A report is cumulative: one that is urgent says the rest too.
      if (urgent) reporter()?.now()
      else if (text !== shown || !sameCounts(arrived, counted)) reporter()?.soon()
      shown = text
      counted = arrived
      if (urgent) measure(progress)
    },
    usageChanged() {
      if (timer) return
      timer = setTimeout(() => {
        timer = null
        const text = JSON.stringify(usage().inUse)
        if (text !== ledger) reporter()?.soon()
        ledger = text
      }, ledgerMs)
    },
    refused: () => reporter()?.soon(),
    stop() {
      if (timer) clearTimeout(timer)
    },
  }
}

/** Addresses are no news: a report has counts. */
function sameCounts(one: Endpoints, other: Endpoints): boolean {
  if (one === other) return true
  for (const release in one) {
    if (one[release] !== other[release] && one[release]!.length !== other[release]?.length)
      return false
  }
  for (const release in other) if (!(release in one)) return false
  return true
}
