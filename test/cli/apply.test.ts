/** Files are the source: a folder is applied, compared, applied again to no effect, exported, pruned. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openScene, type Scene } from './scene.ts'

const app = (name: string, more = '') => `apiVersion: switchyard.dev/v1
kind: App
metadata: { name: ${name}, labels: { team: web } }
spec:
  clusters: [eu-1]
  hosts: [${name}.example]
  platform: { type: static }
${more}`
const release = (version: string) => `apiVersion: switchyard.dev/v1
kind: Release
metadata: { name: blog }
spec: { app: blog, version: "${version}" }
`
const freeze = `apiVersion: switchyard.dev/v1
kind: Freeze
metadata: { name: winter }
spec: { from: "2036-12-24T16:00:00Z", until: "2036-12-27T08:00:00Z", reason: nobody is here }
`

describe('documents', () => {
  let scene: Scene
  beforeEach(async () => {
    scene = await openScene()
    mkdirSync(join(scene.desk.folder, 'fleet/below'), { recursive: true })
    put('blog.yaml', `${app('blog')}---\n${release('1')}`)
    put('below/freeze.yml', freeze)
  })
  afterEach(() => scene.close())
  const put = (file: string, text: string) =>
    writeFileSync(join(scene.desk.folder, 'fleet', file), text)
  const run = (line: string, stdin = '') =>
    scene.following(scene.desk.run(line.split(' '), { stdin }))

  it('a folder is compared, applied to live, and a second time changes nothing', async () => {
    const foretold = await run('diff -f fleet --exit-code')
    expect(foretold).toMatchObject({ code: 10, err: '' })
    expect(foretold.out).toBe('+ App blog\n+ Freeze winter\n+ Release blog: blog 1\n')
    expect((await run('apply -f fleet --dry-run')).out).toBe(foretold.out)
    expect((await run('app show blog')).code).toBe(4)
    const applied = await run('apply -f fleet --watch')
    expect(applied.code, applied.err).toBe(0)
    expect(applied.out).toMatch(
      /^\+ App blog\n\+ Freeze winter\n\+ Release blog: blog 1 as blog-r1\n/,
    )
    expect(applied.out).toMatch(/blog-r1 is live, after/)
    const head = scene.control.head()
    const again = await run('apply -f fleet')
    expect(again.out).toBe('= App blog\n= Freeze winter\n= Release blog: blog 1 (blog-r1)\n')
    expect(scene.control.head()).toBe(head)
    expect((await run('diff -f fleet --exit-code')).code).toBe(0)
    expect(JSON.parse((await run('apply -f fleet -o json')).out).applied).toHaveLength(3)
  })

  it('what differs is named by its path, and only that is sent', async () => {
    await run('apply -f fleet --watch')
    put('blog.yaml', `${app('blog', '  copies: 2\n')}---\n${release('2')}`)
    const changed = await run('apply -f fleet')
    expect(changed.out).toBe(
      '~ App blog\n    ~ copies: 1 → 2\n= Freeze winter\n+ Release blog: blog 2 as blog-r2\n',
    )
  })

  it('what is exported is applied to no effect', async () => {
    await run('apply -f fleet --watch')
    const exported = await run('export')
    expect(exported.out.split('---\n')).toHaveLength(3)
    const again = await run('apply -f -', exported.out)
    expect(again.out).toMatch(/^= App blog\n= Freeze winter\n= Release blog/)
    expect((await run('export blog --kind App --folder out')).code).toBe(0)
    expect((await run('diff -f out/app-blog.yaml --exit-code')).code).toBe(0)
  })

  it('pruning deletes what has the labels and no document, and asks to be meant', async () => {
    put('old.yaml', app('old'))
    await run('apply -f fleet')
    put('old.yaml', app('new'))
    expect(await run('apply -f fleet --prune')).toMatchObject({ code: 2 })
    const unsaid = await run('apply -f fleet --prune -l team=web')
    expect(unsaid).toMatchObject({ code: 2, err: expect.stringContaining('would delete old') })
    expect((await run('apply -f fleet --prune -l team=other --yes')).out).not.toContain('old')
    const pruned = await run('apply -f fleet --prune -l team=web --yes')
    expect(pruned.out).toMatch(/^\+ App new\n[\s\S]*- App old\n$/m)
    expect((await run('app show old')).code).toBe(4)
  })

  it('a dry run is refused as the real one would be, and warns', async () => {
    await run('apply -f fleet --watch')
    const head = scene.control.head()
    put('rival.yaml', app('rival').replace('rival.example', 'blog.example'))
    const refused = await run('apply -f fleet --dry-run')
    expect(refused).toMatchObject({ code: 5, err: expect.stringContaining('route-conflict') })
    expect(refused.err).toMatch(/where: App rival, .*rival\.yaml/)
    const routes = '  routes: [{ name: trace, matches: [{ method: TRACE }] }, { name: rest }]\n'
    put('rival.yaml', app('rival', routes))
    const warned = await run('apply -f fleet --dry-run')
    expect(warned).toMatchObject({ code: 0, err: expect.stringContaining('warning: ') })
    expect(warned.out).toMatch(/^\+ App rival$/m)
    expect(scene.control.head()).toBe(head)
  })

  it('every fault of a folder is named before anything is done', async () => {
    put('a.yaml', app('UPPER'))
    put('b.yaml', `${app('blog')}---\nkind: Nothing\n`)
    const ran = await run('apply -f fleet')
    expect(ran.code).toBe(2)
    expect(ran.err).toMatch(/a\.yaml: metadata\.name/)
    expect(ran.err).toMatch(/App blog is in .*b\.yaml#1 already/)
    expect(ran.err).toMatch(/b\.yaml#2: /)
    expect((await run('app list')).err).toContain('No apps')
    expect(await run('apply -f none')).toMatchObject({ code: 2 })
    expect(await run('diff -f fleet/below/freeze.yml -l a=')).toMatchObject({ code: 0, out: '' })
    const refused = await run('apply -f -', app('shop').replace('eu-1', 'us-1'))
    expect(refused).toMatchObject({ code: 4, err: expect.stringContaining('App shop, -') })
  })
})
