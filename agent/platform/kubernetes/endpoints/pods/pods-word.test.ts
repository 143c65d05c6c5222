import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type KnownSlice, readSlice } from '../slices/endpoint-slice.ts'
import { servedOf } from '../slices/rules.ts'
import { leaving, notReady, type SliceLike, sliceOf } from '../slices/slices.fixture.ts'
import { type PodLike, podOf, type ServiceLike, serviceOf } from './pods.fixture.ts'
import { type PodLookup, withPods } from './pods-word.ts'
import { type KnownPod, readPod } from './release-pod.ts'
import { readService } from './release-service.ts'

const pod = (like: PodLike = {}): KnownPod => readPod(podOf(like)).pod!
const slice = (like: SliceLike): KnownSlice => readSlice(sliceOf({ version: 1, ...like })).slice!

function served(
  pods: readonly KnownPod[],
  slices: readonly KnownSlice[] = [],
  { service = {}, gone = [] }: { service?: ServiceLike | null; gone?: readonly string[] } = {},
) {
  const known = new Map(pods.map((one) => [one.uid, one]))
  const lookup: PodLookup = (uid) => known.get(uid) ?? (gone.includes(uid) ? 'gone' : undefined)
  const selected = service ? [{ service: readService(serviceOf(service)).service!, pods }] : []
  return servedOf(withPods('shop-r1', slices, selected, lookup))
}
const addresses = (...args: Parameters<typeof served>) =>
  served(...args).map(({ address }) => address)

const conditions = [undefined, notReady, leaving] as const
const podLike = fc.record({
  n: fc.integer({ min: 1, max: 6 }),
  ready: fc.boolean(),
  leaving: fc.boolean(),
  phase: fc.constantFrom('Running', 'Pending', 'Failed', 'Succeeded'),
})
const endpointLike = fc.record({
  n: fc.integer({ min: 1, max: 9 }),
  conditions: fc.constantFrom(...conditions),
})
const podsOf = fc
  .uniqueArray(podLike, { selector: ({ n }) => n })
  .map((all) =>
    all.map(({ n, ...like }) => pod({ ...like, name: `pod-${n}`, ips: [`10.0.0.${n}`] })),
  )
const slicesOf = fc.array(fc.uniqueArray(endpointLike, { selector: ({ n }) => n })).map((all) =>
  all.map((endpoints, version) =>
    slice({
      name: `slice-${version}`,
      version,
      endpoints: endpoints.map(({ n, conditions }) => ({
        address: `10.0.0.${n}`,
        pod: `pod-${n}`,
        ...(conditions && { conditions }),
      })),
    }),
  ),
)
/** As Kubernetes' controller would write it, were it never late. */
const sliceOfPods = (pods: readonly KnownPod[]) =>
  slice({
    endpoints: pods.flatMap(({ name, addresses: { IPv4 }, isReady, isLeaving }) =>
      IPv4
        ? [
            {
              address: IPv4,
              pod: name,
              conditions: {
                ready: isReady && !isLeaving,
                serving: isReady,
                terminating: isLeaving,
              },
            },
          ]
        : [],
    ),
  })

describe('what pods say beside their slices', () => {
  it('is what slices of that moment would say', () => {
    fc.assert(
      fc.property(podsOf, (pods) => {
        const bySlices = servedOf([sliceOfPods(pods)]).map(({ address }) => address)
        expect(addresses(pods)).toEqual(bySlices)
        expect(addresses(pods, [sliceOfPods(pods)])).toEqual(bySlices)
      }),
    )
  })

  it('is not changed by what slices say of pods that are known, or gone', () => {
    fc.assert(
      fc.property(podsOf, slicesOf, (pods, slices) => {
        const named = slices.flatMap(({ endpoints }) => endpoints.map((one) => one.pod!.uid))
        const gone = named.filter((uid) => !pods.some((one) => one.uid === uid))
        expect(addresses(pods, slices, { gone })).toEqual(addresses(pods))
      }),
    )
  })

  it('leaves to the slices the pods that nobody has seen', () => {
    fc.assert(
      fc.property(slicesOf, (slices) => {
        expect(addresses([], slices)).toEqual(servedOf(slices).map(({ address }) => address))
      }),
    )
  })

  it('decides over both: one that leaves is not served while an unseen one is ready', () => {
    const goes = pod({ leaving: true })
    expect(addresses([goes])).toEqual(['10.0.0.1'])
    expect(addresses([goes], [slice({ endpoints: ['10.0.0.9'] })])).toEqual(['10.0.0.9'])
  })

  it('counts without a Service too, for the pods that the slices name', () => {
    const named = slice({
      endpoints: [
        { address: '10.0.0.1', pod: 'one' },
        { address: '10.0.0.2', pod: 'two' },
        { address: '10.0.0.3', pod: 'three' },
      ],
    })
    const pods = [pod({ ready: false }), pod({ name: 'two', ips: ['10.0.0.7'] })]
    expect(addresses(pods, [named], { service: null })).toEqual(['10.0.0.3'])
    expect(addresses([pod()], [named], { service: null, gone: ['uid-two'] })).toEqual([
      '10.0.0.1',
      '10.0.0.3',
    ])
  })

  it('publishes what is not ready, where the Service says so', () => {
    const service = { spec: { publishNotReadyAddresses: true } }
    expect(addresses([pod({ ready: false })], [], { service })).toEqual(['10.0.0.1'])
  })

  it('has one address of a pod: of IPv4 where the Service has both families', () => {
    const both = pod({ ips: ['fd00::1', '10.0.0.1'] })
    const six = pod({ name: 'two', ips: ['fd00::2'] })
    const families = (...ipFamilies: string[]) => ({ service: { spec: { ipFamilies } } })
    expect(addresses([both, six], [], families('IPv6', 'IPv4'))).toEqual(['10.0.0.1', 'fd00::2'])
    expect(addresses([both, six], [], families('IPv6'))).toEqual(['fd00::1', 'fd00::2'])
    expect(addresses([both, six])).toEqual(['10.0.0.1'])
  })

  it('has no endpoint where a pod does not have the port by its name', () => {
    const web = pod({ ports: [{ name: 'web', containerPort: 9_000 }] })
    const other = pod({ name: 'two', ips: ['10.0.0.2'], ports: [{ containerPort: 9_000 }] })
    const all = served([web, other], [], { service: { targetPort: 'web' } })
    expect(all.map(({ address, port }) => `${address}:${port}`)).toEqual(['10.0.0.1:9000'])
  })
})
