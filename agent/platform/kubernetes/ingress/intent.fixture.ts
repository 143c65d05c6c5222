/** One Ingress in the namespace `shop` as a few words, and what requests meet of the intent that it becomes. */
import { expect } from 'vitest'
import { explain } from '#router/reference.ts'
import { type IngressIntent, ingressIntent, ingressPlace } from '#wire/ingress.ts'
import type { RouteObject } from '#wire/object.ts'
import { objectsOf } from './ingress.fixture.ts'
import type { IngressObject, ServiceObject } from './object.ts'
import { translateIngress } from './translation.ts'

export const web: ServiceObject = {
  metadata: { name: 'web', namespace: 'shop', annotations: {} },
  spec: { type: 'ClusterIP', ports: [{ name: 'http', port: 80 }] },
  status: undefined,
}

export const one = (
  spec: string,
  annotations: Readonly<Record<string, string>> = {},
  services: readonly ServiceObject[] = [web],
): IngressIntent => {
  const yaml = `{ kind: Ingress, metadata: { name: web }, spec: ${spec} }`
  const [ingress] = objectsOf(yaml).ingresses
  const annotated = { ...ingress!, metadata: { ...ingress!.metadata, annotations } }
  return translated(annotated, services)
}

export function translated(
  ingress: IngressObject,
  services: readonly ServiceObject[],
): IngressIntent {
  const find = (name: string) => services.find((service) => service.metadata.name === name)
  const intent = translateIngress(ingress, 'switchyard', find)
  expect(ingressIntent.parse(intent)).toEqual(intent)
  return intent
}

export const toWeb = '{ service: { name: web, port: { number: 80 } } }'
export const onPath = (path: string, pathType = 'Prefix') =>
  `{ rules: [{ host: shop.example, http: { paths: [{ path: ${path}, pathType: ${pathType}, backend: ${toWeb} }] } }] }`

export const routeObjects = ({ routes }: IngressIntent): RouteObject[] =>
  routes.map(({ host, path, ...rest }) => ({
    kind: 'route',
    key: `ingress/shop/web/${ingressPlace({ host, path })}`,
    app: 'shop/web',
    hosts: [host],
    matches: [{ path, headers: [] }],
    ...rest,
    since: 1,
  }))

/** What the backend gets of a request, or the status. */
export function target(
  intent: IngressIntent,
  path: string,
  host = 'shop.example',
): string | number {
  const request = { method: 'GET', host, path, headers: [] }
  const { status, destination } = explain(routeObjects(intent), request)
  return status === 200 ? `${destination!.releases[0]!.release} ${destination!.target}` : status
}
