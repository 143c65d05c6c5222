/**
 * What agents may do, exactly: the manifests' Roles are compared with this, and a real API server's audit
 * log with what was used. The leader writes; Pods and Services are followed by all. `lease` is bound in the agents' own namespace, `namespaces` in the whole cluster,
 * `workloads` in each namespace that opts in.
 */
export interface Permission {
  readonly apiGroup: string
  readonly resource: string
  readonly verbs: readonly string[]
}

export const permissions: Readonly<
  Record<'lease' | 'namespaces' | 'workloads', readonly Permission[]>
> = {
  lease: [
    { apiGroup: 'coordination.k8s.io', resource: 'leases', verbs: ['create', 'get', 'patch'] },
  ],
  namespaces: [{ apiGroup: '', resource: 'namespaces', verbs: ['get', 'list'] }],
  workloads: [
    {
      apiGroup: 'apps',
      resource: 'deployments',
      verbs: ['create', 'delete', 'list', 'patch', 'watch'],
    },
    { apiGroup: 'apps', resource: 'replicasets', verbs: ['list'] },
    { apiGroup: 'autoscaling', resource: 'horizontalpodautoscalers', verbs: ['list'] },
    { apiGroup: '', resource: 'pods', verbs: ['list', 'watch'] },
    { apiGroup: '', resource: 'services', verbs: ['create', 'delete', 'list', 'patch', 'watch'] },
    { apiGroup: 'events.k8s.io', resource: 'events', verbs: ['create'] },
  ],
}
