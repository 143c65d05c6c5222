/** The live view and what a CI job lives by: goals, decisions, aborts, time, Ctrl-C, a lost control. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openScene, type Scene } from './scene.ts'

describe('a release is watched', () => {
  let scene: Scene
  const run: Scene['desk']['run'] = (args, options) => scene.desk.run(args, options)
  const create = (...more: string[]) => ['release', 'create', 'shop', '2', ...more]

  beforeEach(async () => {
    scene = await openScene()
    await scene.openShop()
  })
  afterEach(() => scene.close())

  it('a blue-green release goes live by itself, a line a change, and ends with 0', async () => {
    const ran = await scene.following(run(create('--auto-promote', '--watch')))
    expect(ran).toMatchObject({ code: 0, err: expect.stringContaining('shop-r2 is made') })
    const lines = ran.out.trimEnd().split('\n')
    expect(lines.at(-1)).toMatch(/^shop-r2 is live, after \d+/)
    const times = lines.slice(0, -1).map((line) => Date.parse(line.split('  ')[0]!))
    expect(times.every((time) => time > 0)).toBe(true)
    const changes = lines.slice(0, -1).map((line) => line.slice(line.indexOf('  ')))
    expect(new Set(changes).size).toBe(changes.length)
    expect(ran.out).not.toContain('\u001b')
  })

  it('without --auto-promote it ends where somebody has to decide, with 9 and the command', async () => {
    const ran = await scene.following(run(create('--watch')))
    expect(ran.code).toBe(9)
    expect(ran.err).toMatch(/waits for a decision[\s\S]*to do: switchyard release promote shop-r2/)
    expect((await scene.following(run(create('--dry-run', '--watch')))).code).toBe(5)
    const promoted = await scene.following(run(['release', 'promote', 'shop-r2', '--watch']))
    expect(promoted).toMatchObject({ code: 0, out: expect.stringMatching(/shop-r2 is live/) })
  })

  it('--until ready is done once it can be promoted', async () => {
    const ran = await scene.following(run(create('--watch', '--until', 'ready')))
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/shop-r2 is ready, after/) })
  })

  it('a canary goes through automatic steps, and --until paused ends at the one that waits', async () => {
    const steps = ['--steps', '10:300ms,50:promote', '--auto-promote']
    const ran = await scene.following(run(create(...steps, '--watch', '--until', 'live')))
    expect(ran.code).toBe(9)
    expect(ran.out).toMatch(/step 1 of 3: 10 %|step 2 of 3: 50 %|50 % in eu-1; step 2 of 3/)
    const paused = await scene.following(
      run(['release', 'watch', 'shop-r2', '--until', 'paused', '-o', 'json']),
    )
    expect(paused.code).toBe(0)
    expect(JSON.parse(paused.out)).toMatchObject({ phase: 'progressing', weights: { 'eu-1': 50 } })
    const shown = await run(['release', 'show', 'shop-r2'])
    expect(shown.out).toMatch(/^ +2 +50 % +\S+ +until promoted/m)
    const full = await scene.following(run(['release', 'promote', 'shop-r2', '--full']))
    expect(full).toMatchObject({ code: 0, out: expect.stringMatching(/^shop-r2 .* live$/m) })
  })

  it('pause, resume, approve and abort are said in words; an abort ends a watch with 6', async () => {
    await scene.following(run(create('--watch', '--until', 'ready', '--steps', '10:promote')))
    await scene.following(run(['release', 'promote', 'shop-r2', '--no-wait']))
    await scene.settle()
    const paused = await run(['release', 'pause', 'shop-r2', '--reason', 'a look at the graphs'])
    expect(paused.out).toMatch(/paused +by admin: a look at the graphs/)
    expect((await run(['release', 'promote', 'shop-r2'])).code).toBe(5)
    expect((await run(['release', 'resume', 'shop-r2'])).code).toBe(0)
    expect((await run(['release', 'approve', 'shop-r2'])).code).toBe(5)
    const watching = run(['release', 'watch', 'shop-r2'])
    const aborted = await scene.following(run(['release', 'abort', 'shop-r2']))
    expect(aborted.code, aborted.err).toBe(0)
    expect((await scene.following(watching)).code).toBe(6)
    expect((await run(['release', 'watch', 'shop-r2'])).code).toBe(6)
  })

  it('rollback and undo bring a former version back, decommission removes one', async () => {
    await scene.following(run(create('--auto-promote', '--watch')))
    const back = await scene.following(run(['release', 'rollback', 'shop-r2']))
    expect(back).toMatchObject({ code: 0, out: expect.stringContaining('retired') })
    const undo = ['release', 'undo', 'shop-r2', '--auto-promote', '--watch']
    const again = await scene.following(run(undo))
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('shop-r3 is live') })
    expect((await run(['release', 'show', 'shop-r3'])).out).toMatch(/undoes +shop-r2/)
    const gone = await run(['release', 'decommission', 'shop-r1'])
    expect(gone).toMatchObject({ code: 0, out: expect.stringMatching(/^shop-r1 .* decommission/) })
    const audit = await run(['audit', '--release', 'shop-r3', '-o', 'wide'])
    expect(audit.out).toMatch(/admin .*127\.0\.0\.1.*switchyard\/\d/)
  })

  it('time that runs out is 7, Ctrl-C is 130; both leave the release going on', async () => {
    const late = await run(create('--watch', '--timeout', '200ms'))
    expect(late.code).toBe(7)
    expect(late.err).toMatch(/the release goes on: starting\n.*it waits for: /)
    const interrupted = new AbortController()
    const watching = run(['release', 'watch', 'shop-r2'], { interrupted: interrupted.signal })
    setTimeout(() => interrupted.abort(), 200)
    expect(await watching).toMatchObject({
      code: 130,
      err: expect.stringContaining('the release goes on'),
    })
    expect((await run(['release', 'show', 'shop-r2'])).out).toMatch(/starting/)
  })

  it('a control that goes away and comes back is waited for', async () => {
    let out = ''
    const asked = create('--auto-promote', '--watch', '--timeout', '20s')
    const watching = run(asked, { onOut: (text) => (out += text) })
    await expect.poll(() => out, { timeout: 5_000 }).toMatch(/starting/)
    const { port } = new URL(scene.control.url)
    await scene.control.restart(Number(port))
    const ran = await scene.following(watching)
    expect(ran, ran.err).toMatchObject({ code: 0, out: expect.stringContaining('shop-r2 is live') })
  })

  it.each([40, 80, 200])('no line of a view is wider than a window of %i', async (columns) => {
    await scene.following(run(create('--steps', '10:promote', '--preview-path', '/test')))
    await scene.settle()
    for (const line of [
      'release show shop-r2',
      'release list',
      'app list',
      'agent list',
      'cluster list',
      'cluster show eu-1',
      'audit',
      'explain eu-1 shop.example/cart',
    ]) {
      const { out, code } = await run(line.split(' '), { columns })
      expect(code).toBe(0)
      for (const row of out.split('\n')) expect([...row].length, row).toBeLessThanOrEqual(columns)
    }
  })
})
