import { describe, expect, it } from 'vitest'
import type { Stored } from './api-server.fixture.ts'
import { apply, notes, server, words } from './holder.fixture.ts'
import { adoptedRelease, imageRelease, rollingOver, undisputed } from './story.fixture.ts'
import type { Wanted } from './wanted.ts'

const live = (wanted: Wanted, service = 'web'): Wanted => ({ ...wanted, service })
const web = () => server.find('Service', 'web')!
const selector = () => (web().spec as { selector: Record<string, string> }).selector
const change = (selector: Record<string, string>) =>
  server.change('Service', 'web', (one) => {
    one.spec = { ...(one.spec as object), selector }
  })
const writesTo = (name: string) => server.writes.filter((one) => one.name === name)

const ofFirst = { 'switchyard.dev/deployment': 'shop-r1' }
const ofSecond = { 'switchyard.dev/deployment': 'shop-r2' }
const blue = { run: 'app', version: 'blue' }
const green = { run: 'app', version: 'green' }

describe("an app's own Service", () => {
  it('that is an ExternalName is left alone, because nothing would follow', async () => {
    server.change('Service', 'web', (one) => {
      one.spec = { type: 'ExternalName', externalName: 'shop.example' }
    })
    const outcome = await apply(live(imageRelease(1)))
    expect(words(outcome, 'shop-r1')).toContain('"web" in namespace "shop" is an ExternalName')
    expect(writesTo('web')).toEqual([])
  })

  it('selects the pods of the release that is live, and goes back with it', async () => {
    await apply(imageRelease(1))
    expect(selector()).toEqual({ app: 'shop' })
    await apply(live(imageRelease(1)))
    expect(selector()).toEqual(ofFirst)
    await apply(live(imageRelease(1)), imageRelease(2))
    expect(selector()).toEqual(ofFirst)
    await apply(imageRelease(1), live(imageRelease(2)))
    expect(selector()).toEqual(ofSecond)
    await apply(live(imageRelease(1)), imageRelease(2))
    expect(selector()).toEqual(ofFirst)
    const told = notes.filter(({ reason }) => reason === 'Followed')
    expect(told.map(({ about, message }) => [about.kind, about.name, message])).toEqual([
      [
        'Service',
        'web',
        'selects shop-r1 (version 0.0.1), which is live: app=shop → switchyard.dev/deployment=shop-r1',
      ],
      ['Service', 'web', expect.stringContaining('selects shop-r2')],
      ['Service', 'web', expect.stringContaining('selects shop-r1')],
    ])
  })

  it('selects an adopted Deployment by its own labels', async () => {
    await apply(live(adoptedRelease(1, 'app-blue')), adoptedRelease(2, 'app-green'))
    expect(selector()).toEqual(blue)
    await apply(adoptedRelease(1, 'app-blue'), live(adoptedRelease(2, 'app-green')))
    expect(selector()).toEqual(green)
  })

  it('selects old and new pods while they are rolled', async () => {
    await apply(live(imageRelease(1)))
    await apply(imageRelease(2, { rolling: rollingOver(['shop-r1']) }))
    await apply(live(imageRelease(2)))
    expect(selector()).toEqual(ofFirst)
    expect(server.find('Deployment', 'shop-r1')!.metadata.labels).toMatchObject({
      'switchyard.dev/release': 'shop-r2',
    })
    expect(notes.filter(({ reason }) => reason === 'Followed')).toHaveLength(1)
  })

  it('keeps everything else of its owner, and no label of ours', async () => {
    const { spec, metadata } = web()
    await apply(live(imageRelease(1)))
    expect(web().spec).toEqual({ ...(spec as object), selector: ofFirst })
    expect(web().metadata.labels).toEqual(metadata.labels)
    await apply()
    expect(selector()).toEqual(ofFirst)
  })

  it('is written once', async () => {
    await apply(live(imageRelease(1)))
    await apply(live(imageRelease(1)))
    expect(writesTo('web')).toHaveLength(1)
  })

  it('is left as others have changed it, and they are told, until another release is live', async () => {
    await apply(live(imageRelease(1)), imageRelease(2))
    change({ app: 'mine' })
    const outcome = await apply(live(imageRelease(1)), imageRelease(2))
    expect(selector()).toEqual({ app: 'mine' })
    expect(words(outcome, 'shop-r1')).toBe(
      'others changed the selector of Service "web" in namespace "shop", and it stays so: app=mine (asked: switchyard.dev/deployment=shop-r1)',
    )
    await apply(imageRelease(1), live(imageRelease(2)))
    expect(selector()).toEqual(ofSecond)
  })

  it('follows before what it selects is removed', async () => {
    await apply(live(imageRelease(1)), imageRelease(2))
    await apply(live(imageRelease(2)))
    const names = server.writes.map(({ verb, name }) => `${verb} ${name}`)
    expect(names.indexOf('delete shop-r1')).toBeGreaterThan(names.lastIndexOf('apply web'))
  })
})

describe('what is in the way of a Service is told', () => {
  const outcomeOf = async (service: string) =>
    words(await apply(live(imageRelease(1), service)), 'shop-r1')

  it('it is not there', async () => {
    expect(await outcomeOf('none')).toBe(
      'Service "none" in namespace "shop", which shall follow shop, is not there: apply it',
    )
  })

  it("it is a release's", async () => {
    await apply(imageRelease(1))
    expect(await outcomeOf('shop-r1')).toContain('is that of a release')
  })

  it('another app has it', async () => {
    const other = (more: Partial<Wanted> = {}) => ({
      ...imageRelease(1),
      app: 'blog',
      release: 'blog-r1',
      ...more,
    })
    await apply(live(imageRelease(1)), other())
    const outcome = await apply(live(imageRelease(1)), live(other()))
    expect(selector()).toEqual(ofFirst)
    expect(words(outcome, 'blog-r1')).toContain('follows shop already')
    await apply(imageRelease(1), live(other()))
    expect(selector()).toEqual({ 'switchyard.dev/deployment': 'blog-r1' })
  })

  it('another cluster has it', async () => {
    await apply(live(imageRelease(1)))
    const { writes } = server
    const { length } = writes
    const place = { epoch: 1, revision: 9 }
    const other = { ...adoptedRelease(3, 'app-green'), service: 'web' }
    const outcome = await undisputed(server, notes, 'us-1')(place, [other])
    expect(words(outcome, 'shop-r3')).toContain('belongs to the cluster "eu-1"')
    expect(writes.slice(length).filter(({ name }) => name === 'web')).toEqual([])
  })

  it('a newer snapshot has written it', async () => {
    await apply(live(imageRelease(1)))
    server.change('Service', 'web', (one: Stored) => {
      one.metadata.annotations['switchyard.dev/applied'] = '1.99'
    })
    expect((await apply(live(adoptedRelease(1, 'app-blue')))).state).toBe('older')
  })
})
