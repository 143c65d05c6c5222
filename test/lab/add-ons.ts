/** What every user of a cluster expects to find in it beside Kubernetes itself: DNS, and a default class of storage. */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { clusterDns } from './dns.ts'
import type { LabPlan } from './plan.ts'

const volumes = 8
const storageClass = 'standard'

export const addOns = (plan: LabPlan, folder: string) => ({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    ...clusterDns(plan),
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: storageClass,
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    ...Array.from({ length: volumes }, (_, n) => localVolume(plan, folder, `volume-${n + 1}`)),
  ],
})

/** Made beforehand: a folder of the machine each, for whoever claims it first. */
function localVolume(plan: LabPlan, folder: string, name: string) {
  const path = join(folder, 'volumes', name)
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o777)
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: storageClass,
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            {
              matchExpressions: [
                { key: 'kubernetes.io/hostname', operator: 'In', values: [plan.name] },
              ],
            },
          ],
        },
      },
    },
  }
}
