/** Which Ingress objects are ours. */
import { expect, test } from 'vitest'
import { defaultIngressClasses, ingressController, ourClassOf } from './ingress-class.ts'
import { type IngressClassObject, ingressObject } from './object.ts'

const ingress = (className?: string, annotation?: string) =>
  ingressObject.parse({
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'u',
      annotations: annotation === undefined ? null : { 'kubernetes.io/ingress.class': annotation },
    },
    spec: { ingressClassName: className ?? null },
  })
const known = (name: string, controller: string): IngressClassObject[] => [
  { metadata: { name }, spec: { controller } },
]
const haproxys = 'haproxy.org/ingress-controller'

const cases: [string, ReturnType<typeof ingress>, IngressClassObject[], string[], string | null][] =
  [
    ['our class by the field', ingress('switchyard'), [], ['switchyard'], 'switchyard'],
    ['our class by the annotation', ingress(undefined, 'switchyard'), [], ['switchyard'], 'switchyard'],
    ['the annotation comes first', ingress('switchyard', 'nginx'), [], ['switchyard'], null],
    ['no class', ingress(), [], ['switchyard'], null],
    ['an empty annotation', ingress(undefined, ''), [], ['switchyard'], null],
    ['another class', ingress('haproxy'), known('haproxy', haproxys), ['switchyard'], null],
    ['a further class of the operator', ingress('haproxy'), known('haproxy', haproxys), ['switchyard', 'haproxy'], 'haproxy'],
    ['a class that names our controller', ingress('edge'), known('edge', ingressController), ['switchyard'], 'edge'],
  ] // biome-ignore format: a table

for (const [name, object, classes, ours, expected] of cases) {
  test(name, () => expect(ourClassOf(object, ours, classes)).toBe(expected))
}

test('unless the operator says otherwise there is one class', () => {
  expect(defaultIngressClasses).toEqual(['switchyard'])
})
