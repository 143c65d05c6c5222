/**
 * The ledger and the counters of all workers together. A worker that lost the link keeps its last word,
 * because its exchanges go on; one that died has nothing in use, but its requests stay counted.
 */
import type { Usage } from '../../link.ts'

export interface UsageSum {
  set(pid: number, usage: Usage): void
  /** The process is gone. */
  retire(pid: number): void
  total(): Usage
}

export function createUsageSum(): UsageSum {
  const living = new Map<number, Usage>()
  const requests: Record<string, number> = {}
  const errors: Record<string, number> = {}
  const failures: Record<string, number> = {}

  return {
    set: (pid, usage) => void living.set(pid, usage),
    retire(pid) {
      const usage = living.get(pid)
      living.delete(pid)
      add(requests, usage?.requests ?? {})
      add(errors, usage?.errors ?? {})
      add(failures, usage?.failures ?? {})
    },
    total() {
      const total = {
        inUse: {},
        requests: { ...requests },
        errors: { ...errors },
        failures: { ...failures },
      }
      let connections = 0
      for (const usage of living.values()) {
        add(total.inUse, usage.inUse)
        add(total.requests, usage.requests)
        add(total.errors, usage.errors)
        add(total.failures, usage.failures)
        connections += usage.connections
      }
      return { ...total, connections }
    },
  }
}

function add(total: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(more)) total[key] = (total[key] ?? 0) + count
}
