/** Logins: kept with mode 0600, chosen by flag, variable or folder, tried before they are kept. */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDesk, type DeskUnderTest } from '../../cli/desk-under-test.ts'
import { type ControlUnderTest, startControl } from '../../control/control-under-test.ts'

describe('contexts', () => {
  let control: ControlUnderTest
  let desk: DeskUnderTest
  beforeEach(async () => {
    control = await startControl(['eu-1'])
    desk = createDesk()
  })
  afterEach(async () => {
    await control.stop()
    desk.remove()
  })
  const kept = () => join(desk.folder, '.config/switchyard/contexts.json')
  const login = (name: string) =>
    desk.run(['login', `${control.url}/`, '--token-stdin', '--context', name], {
      stdin: `${control.adminToken}\n`,
    })

  it('a login is tried, kept for its user alone, and used from then on', async () => {
    const ran = await login('prod')
    expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('as admin') })
    expect(ran.out + ran.err).not.toContain(control.adminToken)
    expect(statSync(kept()).mode & 0o777).toBe(0o600)
    expect((await desk.run(['cluster', 'list'])).out).toContain('eu-1')
    const file = join(desk.folder, 'token')
    writeFileSync(file, control.adminToken)
    const other = ['login', control.url, '--token-file', 'token', '--context', 'other']
    expect(await desk.run(other)).toMatchObject({ code: 0 })
    expect((await desk.run(['context', 'list'])).out).toMatch(/^ +prod .*\n\* +other /m)
    expect(await desk.run(['context', 'use', 'prod'])).toMatchObject({ code: 0 })
    expect(await desk.json('context', 'show')).toMatchObject({
      context: 'prod',
      url: control.url,
      token: { name: 'admin' },
    })
    expect(await desk.json('context', 'show', '--context', 'other')).toMatchObject({
      context: 'other',
    })
    const env = { SWITCHYARD_CONTEXT: 'none' }
    expect(await desk.run(['app', 'list'], { env })).toMatchObject({ code: 2 })
    expect(await desk.run(['context', 'remove', 'prod'])).toMatchObject({ code: 0 })
    expect(readFileSync(kept(), 'utf8')).not.toContain('prod')
    expect(await desk.run(['app', 'list'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('where is control?'),
    })
  })

  it('a token that is wrong, or none, is not kept', async () => {
    const wrong = ['login', control.url, '--token-stdin']
    expect(await desk.run(wrong, { stdin: 'swy_admin_no' })).toMatchObject({ code: 3 })
    expect(await desk.run(wrong, { stdin: '' })).toMatchObject({ code: 2 })
    expect(await desk.run(['login', control.url])).toMatchObject({ code: 2 })
    expect(await desk.run(['login', 'nowhere', '--token-stdin'])).toMatchObject({ code: 2 })
    expect(await desk.run([...wrong, '--context', 'a b'])).toMatchObject({ code: 2 })
    expect(() => statSync(kept())).toThrow()
  })

  it('SWITCHYARD_URL and its token win over what is kept', async () => {
    await login('prod')
    const env = { SWITCHYARD_URL: control.url, SWITCHYARD_TOKEN: 'swy_admin_no' }
    expect(await desk.run(['app', 'list'], { env })).toMatchObject({ code: 3 })
    expect(await desk.run(['app', 'list', '--context', 'prod'], { env })).toMatchObject({ code: 3 })
    const bad = { SWITCHYARD_URL: 'ftp://x' }
    expect(await desk.run(['app', 'list'], { env: bad })).toMatchObject({ code: 2 })
  })

  it('warns of a file that others can read, and names one that is broken', async () => {
    await login('prod')
    chmodSync(kept(), 0o644)
    expect((await desk.run(['app', 'list'])).err).toContain('others of this machine can read')
    writeFileSync(kept(), '{')
    const ran = await desk.run(['app', 'list'])
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining(kept()) })
  })

  it('the .switchyard of this folder serves when nothing else is said', async () => {
    const state = join(desk.folder, '.switchyard')
    mkdirSync(join(state, 'control'), { recursive: true })
    const ports = { control: Number(new URL(control.url).port) }
    writeFileSync(join(state, 'fleet.json'), JSON.stringify({ ports }))
    writeFileSync(join(state, 'control/admin.token'), control.adminToken)
    expect(await desk.run(['cluster', 'list'])).toMatchObject({ code: 0 })
  })
})
