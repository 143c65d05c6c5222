/** What several operations say in the same words. */
export const quoted = (etag: string): string => `"${etag}"`

export const unknownCluster = (cluster: string) =>
  ({
    code: 'unknown-cluster',
    detail: `No cluster is called "${cluster}".`,
    fix: 'List them with GET /v1/clusters; `control init --cluster` adds one.',
  }) as const
