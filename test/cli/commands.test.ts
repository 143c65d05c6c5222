/** Every command over a real control: what it prints, as JSON and YAML too, and how it ends. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { openScene, type Scene } from './scene.ts'

let scene: Scene
const run: Scene['desk']['run'] = (args, options) => scene.desk.run(args, options)
const words = (line: string) => line.split(' ')

beforeAll(async () => {
  scene = await openScene()
  await scene.openShop()
})
afterAll(() => scene.close())

describe('what is read', () => {
  it.each([
    'app list',
    'app show shop',
    'release list',
    'release list shop --phase live',
    'release show shop-r1',
    'cluster list',
    'cluster show eu-1',
    'cluster snapshot eu-1',
    'cluster snapshot eu-1 --revision 3',
    'agent list',
    'agent list eu-1',
    'agent show eu-1 eu-1-a',
    'ingress list',
    'ingress list eu-1',
    'explain eu-1 shop.example/cart',
    'blame eu-1 shop.example/cart',
    'diff eu-1 --from 1',
    'diff --from 1',
    'audit --app shop',
    'freeze list',
    'token list',
    'webhook list',
    'version',
    'version --client',
    'context show',
    'context list',
    'events --after 0 --until 3',
  ])('%s', async (line) => {
    const shown = await run(words(line))
    expect(shown.err).not.toMatch(/bug|understand/)
    expect(shown.code, shown.err).toBe(0)
    expect(shown.out).not.toContain('\u001b')
    const json = await run([...words(line), '-o', 'json'])
    expect(json.code).toBe(0)
    for (const one of line.startsWith('events') ? json.out.trim().split('\n') : [json.out]) {
      expect(JSON.parse(one)).toBeTypeOf('object')
    }
    const yaml = await run([...words(line), '-o', 'yaml'])
    expect(yaml.code).toBe(0)
    if (line.startsWith('events')) expect(parseAllDocuments(yaml.out)).not.toHaveLength(0)
    else expect(parse(yaml.out)).toBeTypeOf('object')
    expect((await run([...words(line), '-o', 'wide'])).code).toBe(0)
  })

  it('shows what is live, by name', async () => {
    expect((await run(['app', 'list'])).out).toMatch(/^shop +shop-r1 +shop\.example +eu-1/m)
    expect((await run(['release', 'list'])).out).toMatch(/^shop-r1 +1 +live +100 % +blueGreen/m)
    expect((await run(['cluster', 'list'])).out).toMatch(/^eu-1 +1\/1 current/m)
    expect((await run(['agent', 'list'])).out).toMatch(/^eu-1-a +eu-1 +current/m)
    const events = await run(['events', '--after', '0', '--until', '3'])
    expect(events.out).toMatch(/ agent-enrolled eu-1\/eu-1-a$/m)
    expect((await run(['explain', 'eu-1', 'shop.example/cart'])).out).toMatch(/answer +shop-r1\n/)
    const blame = (await run(['blame', 'eu-1', 'shop.example/'])).out
    expect(blame).toMatch(/since +revision \d+/)
    expect(blame).toMatch(/by +fleet, as admin asked by create-release at revision \d+\n/)
    expect((await run(['diff', 'eu-1', '--from', '1'])).out).toMatch(/^\+ position\/shop$/m)
    expect((await run(['version'])).out).toContain(`${scene.control.url}: API version 1`)
  })

  it('gives instants beside milliseconds in JSON, and all that control has said', async () => {
    const shown = (await scene.desk.json('release', 'show', 'shop-r1')) as Record<string, unknown>
    expect(shown.createdAt).toBe(new Date(Number(shown.createdAtMs)).toISOString())
    const { body } = await scene.control.call('GET', '/v1/releases/shop-r1')
    expect(shown).toMatchObject(JSON.parse(JSON.stringify(body)))
  })
})

describe('what is not there, not allowed or not meant', () => {
  it.each([
    ['app show none', 4, 'unknown-app'],
    ['release show none-r1', 4, 'unknown-release'],
    ['release watch none-r1', 4, 'unknown-release'],
    ['cluster show none', 4, 'There are: eu-1'],
    ['cluster snapshot none', 4, 'unknown-cluster'],
    ['agent list none', 4, 'unknown-cluster'],
    ['agent show eu-1 none', 4, 'There are: eu-1-a'],
    ['agent forget eu-1 none --yes', 4, 'unknown-agent'],
    ['agent forget eu-1 eu-1-a', 2, '--yes'],
    ['explain none shop.example/', 4, 'unknown-cluster'],
    ['blame eu-1 shop.example/ --at yesterday', 2, 'an instant with its offset'],
    ['diff eu-1 --from 999999', 2, 'newest revision'],
    ['diff eu-1', 2, '--from'],
    ['audit --limit 9999', 2, '?limit'],
    ['events --after x', 2, 'whole number'],
    ['freeze lift none', 4, 'not-found'],
    ['token revoke none', 4, 'not-found'],
    ['token create ci', 2, '--scope'],
    ['token create ci --scope none', 2, '/scopes/0'],
    ['release link shop-r1', 5, 'preview-not-linked'],
    ['freeze set x --until 2h', 2, '--reason'],
    ['webhook remove none', 4, 'not-found'],
    ['webhook test none', 4, 'not-found'],
    ['webhook set hook ftp://x', 2, '/url'],
    ['app put shop -f none.yaml', 2, 'none.yaml'],
    ['app delete shop', 2, '--yes'],
    ['release decommission shop-r1', 5, 'is-live'],
    ['release promote shop-r1', 5, 'phase-conflict'],
    ['release create shop 2 --steps 10;20', 2, 'is no step'],
    ['release create none 2', 4, 'unknown-app'],
    ['release list none', 4, 'unknown-app'],
    ['release create shop 2 --until ready', 2, 'Add --watch'],
    ['release promote shop-r1 --timeout 5s', 2, 'Add --watch'],
    ['release create shop 2 --timeout soon', 2, '90s'],
    ['release rollback shop-r1', 5, 'no-rollback-target'],
    ['release undo shop-r9', 4, 'unknown-release'],
    ['backup file --state nowhere', 2, 'no state folder'],
    ['recover', 2, '--yes'],
    ['context use none', 2, 'no context is called'],
    ['context remove none', 2, 'There are none'],
    ['app list --context none', 2, 'no context is called'],
    ['app list -o xml', 2, 'Allowed choices'],
    ['nothing', 2, 'unknown command'],
  ])('%s ends with %i', async (line, code, says) => {
    const ran = await run(words(line))
    expect(ran).toMatchObject({ code, out: '' })
    expect(ran.err).toContain(says)
    expect(ran.err).not.toContain('bug')
  })

  it('a field at fault is named once, and several one by one', async () => {
    const put = (app: string) => run(['app', 'put', 'x', '-f', '-'], { stdin: app })
    const one = await put('{clusters: [eu-1], hosts: [x.example], platform: {type: moon}}')
    expect(one.err.match(/\/platform\/type/g)).toHaveLength(1)
    const two = await put('{clusters: [eu-1], hosts: [X.example], platform: {type: moon}}')
    expect(two.err).toMatch(/2 fields .*\n.*\n +why: \/hosts\/0: .*\n +why: \/platform\/type: /)
    expect((await put('a: [')).err).toContain('standard input is not YAML')
  })

  it('a token that is unknown, or may not do this, ends with 3', async () => {
    const env = { SWITCHYARD_TOKEN: 'swy_admin_none' }
    const unknown = await run(['app', 'list'], { env })
    expect(unknown).toMatchObject({ code: 3, err: expect.stringContaining('unknown here') })
    expect(unknown.err).toMatch(/to do: .*SWITCHYARD_TOKEN.*switchyard login/)
    const none = await run(['app', 'list'], {
      env: { SWITCHYARD_URL: scene.control.url, SWITCHYARD_TOKEN: '' },
    })
    expect(none).toMatchObject({ code: 3, err: expect.stringContaining('Set SWITCHYARD_TOKEN') })
    const made = await run(['token', 'create', 'reader', '--scope', 'read'])
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^swy_read_\S+\n$/) })
    const reads = { SWITCHYARD_TOKEN: made.out.trim() }
    expect(await run(['app', 'list'], { env: reads })).toMatchObject({ code: 0 })
    expect(await run(['token', 'list'], { env: reads })).toMatchObject({
      code: 3,
      err: expect.stringContaining('to do:'),
    })
    expect(await run(['token', 'revoke', 'reader'])).toMatchObject({ code: 0 })
    expect(await run(['app', 'list'], { env: reads })).toMatchObject({ code: 3 })
  })

  it('a control that is not there ends with 8, and says where the address came from', async () => {
    const ran = await run(['app', 'list'], { env: { SWITCHYARD_URL: 'http://127.0.0.1:9' } })
    expect(ran.code).toBe(8)
    expect(ran.err).toMatch(/where: GET http:\/\/127\.0\.0\.1:9\/v1\/apps\n.*SWITCHYARD_URL/)
  })
})

describe('what is changed', () => {
  const file = (text: string) => {
    const path = join(scene.desk.folder, 'app.yaml')
    writeFileSync(path, text)
    return path
  }
  const intent = 'clusters: [eu-1]\nhosts: [blog.example]\nplatform: { type: static }\n'

  it('an app is tried, put from a file or from standard input, and deleted', async () => {
    const tried = await run(['app', 'put', 'blog', '-f', file(intent), '--dry-run'])
    expect(tried.code, tried.err).toBe(0)
    expect(tried.out).toMatch(/^Nothing has changed\.[\s\S]*eu-1\n {2}\S/)
    expect(tried.out).toMatch(/^must serve: eu-1\/eu-1-a$/m)
    expect((await run(['app', 'show', 'blog'])).code).toBe(4)
    const put = await run(['app', 'put', 'blog', '-f', file(intent), '--no-wait'])
    expect(put.out).toMatch(/hosts +blog\.example/)
    const document = `apiVersion: switchyard.dev/v1
kind: App
metadata: { name: blog, labels: { team: web } }
spec: { clusters: [eu-1], hosts: [blog.example, b.example], platform: { type: static } }
`
    const args = ['app', 'put', 'blog', '-f', '-']
    const again = await scene.following(run(args, { stdin: document }))
    expect(again.out).toMatch(/labels +team=web/)
    expect((await run(['app', 'put', 'shop', '-f', '-'], { stdin: document })).code).toBe(2)
    expect((await run(['app', 'put', 'blog', '-f', '-'], { stdin: 'a: [' })).code).toBe(2)
    const wrong = await run(['app', 'put', 'blog', '-f', '-'], { stdin: 'hosts: [UPPER]' })
    expect(wrong.code).toBe(2)
    expect(wrong.err).toMatch(/why: \/hosts\/0/)
    expect(await run(['app', 'delete', 'blog', '--yes'])).toMatchObject({ code: 0 })
  })

  it('a freeze holds a promote back, and is lifted', async () => {
    const set = ['freeze', 'set', 'night', '--until', '2h', '--reason', 'nobody is here']
    expect((await run([...set, '--dry-run'])).out).toContain('Nothing has changed')
    expect((await run(set)).out).toMatch(/night: frozen from 20\S+ until 20/)
    expect((await run(['freeze', 'list'])).out).toMatch(/^night +holds/m)
    expect((await run(['freeze', 'lift', 'night'])).code).toBe(0)
    const wrong = await run(['freeze', 'set', 'x', '--until', 'soon', '--reason', 'y'])
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('/until') })
  })

  it('keys are listed, added, activated only when they are pinned, and retired', async () => {
    const listed = await run(['key', 'list'])
    expect(listed.out).toMatch(/^[0-9a-f]{16} +signing +eu-1\/eu-1-a/m)
    const [signing = ''] = /^[0-9a-f]{16}(?= +signing)/m.exec(listed.out) ?? []
    expect((await run(['key', 'add', '--dry-run'])).out).toContain('Nothing has changed')
    const added = await run(['key', 'add'])
    expect(added, added.err).toMatchObject({ code: 0 })
    const key = added.out.trim()
    expect(key).toMatch(/^[0-9a-f]{16}$/)
    expect((await run(['key', 'list'])).out).toMatch(new RegExp(`^${key} +spare +eu-1/eu-1-a`, 'm'))
    const early = await run(['key', 'activate', key])
    expect(early).toMatchObject({ code: 5, err: expect.stringContaining('key-not-pinned') })
    expect(await run(['key', 'retire', signing])).toMatchObject({ code: 5 })
    expect(await run(['key', 'retire', 'f'.repeat(16)])).toMatchObject({ code: 4 })
  })

  it('a webhook is set, listed, tested and removed', async () => {
    const set = await run([
      'webhook',
      'set',
      'chat',
      'http://127.0.0.1:9/x',
      '--events',
      'release-*',
    ])
    expect(set).toMatchObject({ code: 0, out: expect.stringMatching(/^whsec_/) })
    expect((await run(['webhook', 'list'])).out).toMatch(/^chat +\w+ +http:\/\/127\.0\.0\.1:9/m)
    expect(await run(['webhook', 'test', 'chat'])).toMatchObject({ code: 1 })
    expect(await run(['webhook', 'remove', 'chat'])).toMatchObject({ code: 0 })
  })
})
