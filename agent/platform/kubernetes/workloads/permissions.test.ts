import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { type Permission, permissions } from './permissions.ts'

const role = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  rules: z.array(
    z.object({
      apiGroups: z.array(z.string()),
      resources: z.array(z.string()),
      verbs: z.array(z.string()),
    }),
  ),
})

const file = join(import.meta.dirname, '../../../../deploy/agent/rbac.yaml')
const manifest = parseAllDocuments(readFileSync(file, 'utf8')).map((one) => one.toJS())

/** By resource, for a comparison that does not mind the order. */
const listed = (list: readonly Permission[]) =>
  list
    .map(({ apiGroup, resource, verbs }) => `${apiGroup}/${resource}: ${[...verbs].sort()}`)
    .sort()

function granted(name: string): readonly Permission[] {
  const found = manifest.find((one) => one?.metadata?.name === name && 'rules' in one)
  return role
    .parse(found)
    .rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((apiGroup) => resources.map((resource) => ({ apiGroup, resource, verbs }))),
    )
}

test.each([
  ['switchyard-workloads', permissions.workloads],
  ['switchyard-lease', permissions.lease],
])('the manifest grants %s exactly what the leader does', (name, used) => {
  expect(listed(granted(name))).toEqual(listed(used))
})

test('in the whole cluster every agent may follow endpoints and look at namespaces, and no more', () => {
  const endpoints = {
    apiGroup: 'discovery.k8s.io',
    resource: 'endpointslices',
    verbs: ['list', 'watch'],
  }
  expect(listed(granted('switchyard-watcher'))).toEqual(
    listed([endpoints, ...permissions.namespaces]),
  )
})
