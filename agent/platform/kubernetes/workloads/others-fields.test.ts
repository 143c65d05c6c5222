import { expect, it } from 'vitest'
import * as object from './kube-object.ts'
import { othersWords } from './others-fields.ts'
import { deploymentOf } from './story.fixture.ts'

type Entry = readonly [manager: string, spec: object, subresource?: string]

const container = (name: string, fields: object) => ({
  'f:template': { 'f:spec': { 'f:containers': { [`k:{"name":"${name}"}`]: fields } } },
})
const ours: Entry = [
  'switchyard',
  {
    'f:replicas': {},
    'f:strategy': { 'f:type': {} },
    ...container('app', { '.': {}, 'f:name': {}, 'f:image': {}, 'f:resources': {} }),
  },
]

/** As a real API server writes them. */
const words = (...entries: readonly Entry[]) => {
  const { metadata, spec } = deploymentOf('shop-r1', { a: 'b' })
  const managedFields = entries.map(([manager, fields, subresource]) => ({
    manager,
    operation: 'Update',
    apiVersion: 'apps/v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': fields },
    ...(subresource && { subresource }),
  }))
  const about = { ...metadata, uid: 'u', resourceVersion: '1', managedFields }
  return othersWords(object.deployment.parse({ metadata: about, spec }), [])
}

it('says which field others have added or changed, and who', () => {
  const env = {
    'f:env': { '.': {}, 'k:{"name":"DEBUG"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
  }
  expect(words(ours, ['kubectl-set', container('app', env)])).toBe(
    'template.spec.containers[app].env[DEBUG] (by kubectl-set)',
  )
  expect(words(ours, ['kubectl-edit', { 'f:revisionHistoryLimit': {} }])).toBe(
    'revisionHistoryLimit (by kubectl-edit)',
  )
})

it('names the first few, and counts the rest', () => {
  const many = { 'f:a': {}, 'f:b': {}, 'f:c': {}, 'f:d': {}, 'f:e': {} }
  expect(words(ours, ['x', many])).toBe('a (by x), b (by x), c (by x) and 2 more')
})

it('says nothing of what is ours too, of what is compared by value, and of a restart', () => {
  expect(words(ours)).toBeNull()
  expect(words(ours, ['argo', ours[1]])).toBeNull()
  expect(words(ours, ['kubectl', { 'f:replicas': {} }, 'scale'])).toBeNull()
  expect(words(['switchyard', {}], ['hpa', { 'f:replicas': {}, 'f:paused': {} }])).toBeNull()
  expect(words(['switchyard', {}], ['me', container('app', { 'f:image': {} })])).toBeNull()
  const annotations = { 'f:kubectl.kubernetes.io/restartedAt': {} }
  const restarted = {
    'f:template': { 'f:metadata': { 'f:annotations': { '.': {}, ...annotations } } },
  }
  expect(words(ours, ['kubectl', restarted])).toBeNull()
})

it('says nothing where an API server keeps no such record', () => {
  const { metadata, spec } = deploymentOf('shop-r1', { a: 'b' })
  const about = { ...metadata, uid: 'u', resourceVersion: '1' }
  expect(othersWords(object.deployment.parse({ metadata: about, spec }), [])).toBeNull()
})
