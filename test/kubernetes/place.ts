/**
 * Where a cluster of the story is: a lab of this machine, or one that `KUBECONFIG` names. All that the stage wants
 * of it is to talk to its API, to send load from inside, and to reach its Services and pods from here.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import type { Cluster } from '../lab/start-cluster.ts'
import type { LaunchKubectl } from './watch.ts'

export interface Place {
  readonly lab: Cluster | null
  kubectl(args: readonly string[], stdin?: string): Promise<string>
  /** Starts one that goes on until it is ended, with these streams. */
  launchKubectl: LaunchKubectl
  /** Starts the load generator inside, with these streams. */
  launchLoad(options: SpawnOptions): ChildProcess
  /** A port of this machine, on 127.0.0.1, that leads to this port of it, also when its pods are replaced. */
  openService(namespace: string, name: string, port: number): Promise<number>
  openPod(
    namespace: string,
    pod: { readonly name: string; readonly address: string },
    port: number,
  ): Promise<number>
  /** Takes back what it has opened; a lab is gone after it. */
  close(): Promise<void>
}
