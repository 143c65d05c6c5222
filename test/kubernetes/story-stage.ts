/**
 * The stage of the story on Kubernetes: one fleet over one or two clusters. The first has `deploy/all-in-one`
 * (control, NATS, agents), the second `deploy/agent-only`; agents and applications are pods, and load comes from
 * inside each cluster through the agents' Service. `openStory` makes it.
 */
import type { ReleaseView } from '#wire/release.ts'
import type { LoadPlan, Target } from '../../bench/load/plan.ts'
import type { Load } from '../../bench/load.ts'
import type { AppInput, ControlClient, ReleaseInput } from '../../deploy/local/control-client.ts'
import type { Link } from '../lab/join.ts'
import type { Cluster } from '../lab/start-cluster.ts'
import type { ShopAnswer } from '../stage.ts'
import type { WatchEvent, Watching } from './watch.ts'

/** Opted in, in every cluster; the one where everything happens that has no reason to be elsewhere. */
export const namespace = 'shop'
/** Where Switchyard itself is. */
export const systemNamespace = 'switchyard'

export interface StoryStage {
  /** Of the whole fleet; through everything that happens to control's pod. */
  readonly client: ControlClient
  /** `eu-1`, and `us-1` when there are two. */
  readonly clusters: readonly StoryCluster[]
  /** The one where control and NATS are. */
  readonly home: StoryCluster
  /** Between the two labs; null where there is none to cut. */
  readonly link: Link | null
  /**
   * An app with one host, `<app>.example`, on all clusters, and in each a template of the same name that runs
   * nothing itself.
   */
  putApp(app: string, plan?: AppPlan): Promise<void>
  /** Starts a release and waits until it can be promoted, or, with `autoPromote`, until it is live. */
  release(intent: ReleaseInput, withinMs?: number): Promise<ReleaseView>
  /**
   * From inside each cluster through its agents' Service, or past them through this one in the namespace `shop`;
   * the rate is that of all together, and so is the result. A sample's target is its cluster.
   */
  load(app: string, plan?: Partial<LoadPlan>, service?: string): Promise<StoryLoad>
  /** One GET of an app's host through every agent of every cluster; by the agent's place, `eu-1/switchyard-agent-0`. */
  ask(app: string, path?: string): Promise<Readonly<Record<string, ShopAnswer>>>
  /** Every agent as this machine reaches it, for exchanges that a test holds open itself. */
  targets(): Promise<readonly Target[]>
  /** What is in the clusters and the ends of all logs, for a test that has failed. */
  tails(): Promise<string>
  close(): Promise<void>
}

export interface StoryCluster {
  /** Switchyard's name of it: `eu-1`, `us-1`. */
  readonly name: string
  /** To stop its parts and to enter its network; null for a cluster that `KUBECONFIG` names. */
  readonly lab: Cluster | null
  kubectl(args: readonly string[], stdin?: string): Promise<string>
  /** Into the namespace `shop`. */
  apply(...objects: readonly object[]): Promise<void>
  /** From the namespace `shop`: one object, or a list with its items; throws when it is not there. */
  read<Seen = KubernetesObject>(...args: readonly string[]): Promise<Seen>
  /** Every event of what `args` name, in the namespace `shop` unless they say another; what is there comes first. */
  watch<Seen>(args: readonly string[], onEvent: (event: WatchEvent<Seen>) => void): Watching
  /** Pods of agents that are not on their way out. */
  agents(): Promise<readonly AgentPod[]>
  /** The agent that holds the Lease, so that it writes; null while nobody does. */
  leader(): Promise<string | null>
  /** Waits until so many agents as are asked for are ready. */
  untilAgentsReady(withinMs?: number): Promise<void>
}

export interface AgentPod {
  /** Of the pod and of the agent: `switchyard-agent-0`. */
  readonly name: string
  readonly uid: string
  readonly address: string
  readonly ready: boolean
}

export type StoryLoad = Pick<Load, 'counts' | 'stop' | 'kill'>

export interface AppPlan {
  readonly intent?: Partial<AppInput>
  /** Environment of the template's container. */
  readonly env?: Readonly<Record<string, string>>
}

export interface KubernetesObject {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly labels?: Readonly<Record<string, string>>
    readonly creationTimestamp: string
  }
  readonly spec: { readonly replicas?: number; readonly paused?: boolean }
  readonly status: { readonly readyReplicas?: number; readonly replicas?: number }
}
