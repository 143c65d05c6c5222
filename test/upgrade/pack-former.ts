/**
 * Packs what a former version needs to run, so that the tests of an upgrade can start it beside the
 * present one: `npx node test/upgrade/pack-former.ts <commit>` writes `former/switchyard-<version>.tgz`.
 * The same commit gives the same bytes. Needs git, GNU tar and gzip.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const runs = ['wire', 'router-wasm', 'control', 'agent', 'package.json']

/** What a running program never loads. */
const notNeeded = [
  ...['*.test.ts', '*.cases.ts', '*.fixture.ts', '*under-test.ts', 'golden', 'assembly'],
  ...['asconfig.json', '*-harness.ts', 'http-oracle.ts', '*-case.ts', 'stage.ts'],
]

function pack(commit: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-former-'))
  const run = (program: string, args: readonly string[], input?: Buffer) =>
    execFileSync(program, args, { cwd: folder, input, maxBuffer: 100_000_000 })
  try {
    const archive = execFileSync('git', ['-C', root, 'archive', commit, '--', ...runs], {
      maxBuffer: 100_000_000,
    })
    run('tar', ['-x'], archive)
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    run(join(root, 'node_modules/.bin/asc'), ['--config', 'router-wasm/asconfig.json'])
    rmSync(join(folder, 'node_modules'))
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = join(import.meta.dirname, 'former', `switchyard-${version}.tgz`)
    const excluded = notNeeded.map((pattern) => `--exclude=${pattern}`)
    const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner']
    const tar = run('tar', ['-c', ...excluded, ...same, '--mode=a+rX,u+w,go-w', ...runs])
    run('sh', ['-c', `gzip -9n > '${file}'`], tar)
    return file
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const commit = process.argv[2]
if (!commit) {
  console.error('say which commit: npx node test/upgrade/pack-former.ts v0.1.0')
  process.exit(2)
}
console.log(pack(commit))
