/** Signals to processes inside pods of a lab, as the machine could send them: no API server is asked. */
import { outputOf } from '../lab/command.ts'
import type { Cluster } from '../lab/start-cluster.ts'

export interface PodProcess {
  /** The pod's own host name. */
  readonly pod: string
  /** In the command line; left out: every process of the pod. */
  readonly command?: string
}

/** Throws when there is no such process. */
export async function signalPod(
  lab: Cluster,
  signal: 'KILL' | 'STOP' | 'CONT',
  { pod, command = '' }: PodProcess,
): Promise<void> {
  const script = [
    'found=1',
    'for process in /proc/[0-9]*; do',
    `  tr '\\0' '\\n' < $process/environ 2>/dev/null | grep -qx "HOSTNAME=$1" || continue`,
    `  tr '\\0' ' ' < $process/cmdline 2>/dev/null | grep -q -e "$2" || continue`,
    `  kill -$3 \${process#/proc/} && found=0`,
    'done',
    'exit $found',
  ]
  const args = ['-c', script.join('\n'), 'signal', pod, command, signal]
  await outputOf(lab.run('sh', args), `SIG${signal} to ${command} of pod ${pod}`)
}
