/** One change to the API server, with the precondition under which it is still right, and what is said of it. */
import type { Body, Ref } from './cluster.ts'

export type Precondition = { readonly uid: string; readonly resourceVersion: string }

export type Write = { readonly ref: Ref; readonly notes: readonly Note[] } & (
  | { readonly verb: 'create'; readonly body: Body }
  | {
      readonly verb: 'apply' | 'merge'
      readonly resourceVersion: string
      readonly body: Readonly<Record<string, unknown>>
    }
  | { readonly verb: 'delete'; readonly precondition: Precondition }
)

/** A Kubernetes Event on a Deployment or (`kind`) a Service, for `kubectl describe`. */
export interface Note {
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, as Kubernetes has them. */
  readonly reason: string
  readonly action: string
  readonly message: string
  readonly about: {
    readonly kind?: 'Service'
    readonly namespace: string
    readonly name: string
    readonly uid?: string
  }
}

/** In this order, the next only after the last has been accepted; other groups do not wait for it. */
export interface WriteGroup {
  readonly release: string
  readonly writes: readonly Write[]
}
