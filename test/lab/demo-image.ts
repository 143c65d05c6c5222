/** The image of the lab's demo application, whose environment says how it behaves (`binaries/demo/main.go`). */
import { join } from 'node:path'
import { writeProgramImage } from './oci-archive.ts'
import type { Cluster } from './start-cluster.ts'

export const demoImage = 'lab/demo:1'
/** The same program, as the image of another version. */
export const secondImage = 'lab/demo:2'
export const demoPort = 8080

/** Gives the node the image; pods name it `lab/demo:1` and never pull it. */
export async function loadDemoImage(
  cluster: Cluster,
  reference = demoImage,
  env?: Readonly<Record<string, string>>,
): Promise<void> {
  const archive = join(cluster.folder, 'tmp/demo.tar')
  await writeProgramImage(
    { reference, program: cluster.programs.demo!, at: 'demo', ...(env && { env }) },
    archive,
  )
  await cluster.loadImage(archive)
}

export interface DemoPlan {
  readonly name: string
  readonly replicas?: number
  /** Environment of the application: VERSION, READY_AFTER_MS, ON_SIGTERM, CRASH and so on. */
  readonly env?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
}

/** A Deployment whose pods are ready when the application says so. */
export function demoDeployment({ name, replicas = 1, env = {}, labels }: DemoPlan) {
  const selected = labels ?? { app: name }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: selected },
    spec: {
      replicas,
      selector: { matchLabels: selected },
      template: {
        metadata: { labels: selected },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 10,
          containers: [
            {
              name: 'demo',
              image: demoImage,
              imagePullPolicy: 'Never',
              env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
              ports: [{ name: 'http', containerPort: demoPort }],
              readinessProbe: {
                httpGet: { path: '/ready', port: 'http' },
                periodSeconds: 1,
                failureThreshold: 1,
              },
            },
          ],
        },
      },
    },
  }
}

export const demoService = (name: string, selector: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
})
