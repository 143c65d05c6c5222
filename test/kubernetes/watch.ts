/** Objects of a cluster as they change, by one kubectl that goes on watching when the API server returns. */
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface WatchEvent<Seen> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: Seen
}

export interface Watching {
  stop(): void
}

export type LaunchKubectl = (args: readonly string[], options: SpawnOptions) => ChildProcess

const againAfterMs = 1_000

/** What is there already comes first, and once more each time that the watch has to begin anew. */
export function watchObjects<Seen>(
  launch: LaunchKubectl,
  args: readonly string[],
  onEvent: (event: WatchEvent<Seen>) => void,
  pauseMs = againAfterMs,
): Watching {
  let stopped = false
  let child: ChildProcess | null = null
  let again: NodeJS.Timeout | null = null
  const begin = () => {
    const watch = ['get', ...args, '--watch', '--output-watch-events', '-o', 'json']
    child = launch(watch, { stdio: ['ignore', 'pipe', 'ignore'] })
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (!stopped) onEvent(JSON.parse(line) as WatchEvent<Seen>)
    })
    child.once('close', () => {
      if (!stopped) again = setTimeout(begin, pauseMs)
    })
  }
  begin()
  return {
    stop() {
      stopped = true
      if (again) clearTimeout(again)
      child?.kill('SIGKILL')
    },
  }
}
