/** CI never skips the labs: where they cannot be made it says why and fails; elsewhere it says that they are skipped. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

let stubs: string

beforeEach(() => {
  stubs = mkdtempSync(join(tmpdir(), 'swy-ci-'))
  // Nothing is installed, checked or tested: it is all "well" but for the namespaces.
  stub('npm', 'exit 0')
  stub('id', 'echo 1000')
  stub('unshare', 'echo "unshare: Operation not permitted" >&2; exit 1')
})
afterEach(() => rmSync(stubs, { recursive: true }))

function stub(name: string, script: string): void {
  writeFileSync(join(stubs, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(stubs, name), 0o755)
}

function ci(env: Readonly<Record<string, string>>): string {
  // The tests themselves come last, and are another story: they are told what has failed before.
  const script = `sed 's|^node_modules/.bin/node .ci/tests.ts|echo failed before:|; s|cd "$(dirname "$0")/.."|:|' .ci/run | bash 2>&1`
  const cwd = resolve(import.meta.dirname, '..')
  const all = { PATH: `${stubs}:/usr/bin:/bin`, ...env }
  return spawnSync('/bin/bash', ['-c', script], { cwd, env: all, encoding: 'utf8' }).stdout
}

test('on CI a machine without namespaces is a failure, with its reason', () => {
  const said = ci({ CI: 'true' })
  expect(said).toContain('Operation not permitted')
  expect(said).toMatch(/no test in a lab can run: that is a failure/)
  expect(said).toMatch(/failed before: "?1/)
})

test('anywhere else the tests in a lab are skipped, with the reason', () => {
  const said = ci({})
  expect(said).toContain('Operation not permitted')
  expect(said).toMatch(/the tests in a lab are skipped/)
  expect(said).toMatch(/failed before: "?0/)
})

test('a machine with namespaces prepares the labs', () => {
  stub('unshare', 'exit 0')
  stub('npm', 'echo "npm $*, CI=$CI"')
  expect(ci({})).toMatch(/npm run -s cluster -- prepare, CI=true/)
})
