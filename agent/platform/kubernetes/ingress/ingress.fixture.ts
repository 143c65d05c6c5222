/**
 * Objects for tests, as a person writes them: YAML that goes through the schemas of what the API server gives.
 * `blueGreen` has the shape of HAProxy's post on rolling updates and blue-green deployments: two Deployments
 * with the labels `run` and `version`, a Service whose selector flips, and a second Ingress that shows the
 * other one at `/test`, rewritten to `/`.
 */
import { parseAllDocuments } from 'yaml'
import { type IngressObject, ingressObject, type ServiceObject, serviceObject } from './object.ts'

export interface Objects {
  readonly ingresses: readonly IngressObject[]
  readonly services: readonly ServiceObject[]
}

type Raw = { kind: string; metadata: Record<string, unknown> }

/** As if applied to the namespace `shop`; each object gets a uid. */
export function objectsOf(yaml: string): Objects {
  const all = parseAllDocuments(yaml).map((one) => one.toJS() as Raw)
  const kept = all.map((one, n) => ({
    ...one,
    metadata: { namespace: 'shop', uid: `uid-${n}`, ...one.metadata },
  }))
  const ofKind = (kind: string) => kept.filter((one) => one.kind === kind)
  return {
    ingresses: ofKind('Ingress').map((one) => ingressObject.parse(one)),
    services: ofKind('Service').map((one) => serviceObject.parse(one)),
  }
}

const deployment = (name: string, version: string, image: string) => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: { run: app, version: ${version} }
spec:
  replicas: 5
  selector:
    matchLabels: { run: app, version: ${version} }
  template:
    metadata:
      labels: { run: app, version: ${version} }
    spec:
      containers:
        - name: app
          image: ${image}
          ports: [{ containerPort: 8080 }]
          readinessProbe:
            httpGet: { path: /, port: 8080 }
`
const service = (name: string, version: string) => `
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  labels: { run: app }
spec:
  selector: { run: app, version: ${version} }
  ports: [{ name: port-1, port: 80, protocol: TCP, targetPort: 8080 }]
`
const ingress = (name: string, path: string, service: string, annotations: string) => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ${name}
  annotations: { ${annotations} }
spec:
  ingressClassName: switchyard
  rules:
    - http:
        paths:
          - path: ${path}
            pathType: Prefix
            backend:
              service: { name: ${service}, port: { number: 80 } }
`

/** The Service `app` selects `live`; `app-bg` selects the other one. */
export const blueGreen = (live: 'blue' | 'green' = 'blue'): string =>
  [
    deployment('app-blue', '0.0.1', 'app:0.0.1'),
    deployment('app-green', '0.0.2', 'app:0.0.2'),
    service('app', live === 'blue' ? '0.0.1' : '0.0.2'),
    service('app-bg', live === 'blue' ? '0.0.2' : '0.0.1'),
    ingress('app', '/', 'app', ''),
    ingress('test', '/test', 'app-bg', '"haproxy.org/path-rewrite": /'),
  ].join('---')
