/**
 * CI never skips the labs: where they cannot be made it says why and fails; elsewhere it says that they are skipped.
 * It runs a file with a failed test once more, unless a promise was broken under load.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHistory } from '../bench/load/history.ts'
import type { Sample } from '../bench/load/plan.ts'
import { expectFlawless } from './story/scene.ts'

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

describe('the labs', () => {
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
})

describe('a failed test', () => {
  const titles = ['a story (1+1)', 'its chapter', 'its part']
  const minute = 60_000

  const file = (minutes: number, ...failureMessages: string[]) => ({
    name: resolve('test/some.test.ts'),
    status: 'failed',
    message: '',
    startTime: 0,
    endTime: minutes * minute,
    assertionResults: [
      {
        status: 'failed',
        ancestorTitles: titles,
        fullName: 'counts what is misrouted or truncated',
        failureMessages,
      },
    ],
  })
  const some = { numPassedTests: 4, numFailedTests: 0, numPendingTests: 0 }
  const write = (name: string, report: object) =>
    writeFileSync(join(stubs, name), JSON.stringify({ ...some, testResults: [], ...report }))

  interface Run {
    readonly status: number
    readonly said: string
  }
  const tests = (...failureMessages: string[]) => testsOf(file(1, ...failureMessages))

  /** The tests fail at first, and pass when they are run once more. */
  function testsOf(failed: ReturnType<typeof file>): Run {
    const testResults = [failed]
    write('test.json', { success: false, numFailedTests: 1, testResults })
    write('exec.json', { success: true, numPassedTests: 1 })
    stub(
      'npm',
      `printf '%s\\n' "npm $*"; for last; do :; done; cp "${stubs}/$1.json" "\${last#--outputFile.json=}"`,
    )
    const env = { PATH: `${stubs}:/usr/bin:/bin` }
    const program = resolve(import.meta.dirname, '../.ci/tests.ts')
    const { status, stdout } = spawnSync(process.execPath, [program], { env, encoding: 'utf8' })
    return { status: status!, said: stdout }
  }

  /** What a test says after a load in which one request ended so. */
  function judged(ended: Pick<Sample, 'version' | 'problem'>): string {
    const sample: Sample = {
      ...{ kind: 'get', target: 'it', fresh: false, user: null, status: 200, detail: '' },
      ...{ intendedMs: 1, sentMs: 1, doneMs: 2, ...ended },
    }
    try {
      expectFlawless({ startedMs: 0, endedMs: 3, lost: 0, samples: [sample] }, createHistory('1'))
    } catch (error) {
      return (error as Error).stack!
    }
    throw new Error('it was flawless')
  }

  test.each([
    ['a wait that took too long', 'TimedOut: shop-r2 is live: not within 10000 ms'],
    ['a lost connection', 'AssertionError: expected { misrouted: 0, lost: 1 } to deeply equal …'],
  ])('is run once more, and named: %s', (_, message) => {
    const { status, said } = tests(message)
    expect(said).toContain('once more, alone: test/some.test.ts')
    expect(said).toContain('needed a second run: counts what is misrouted or truncated')
    expect(said).toMatch(/^5 passed, 0 failed$/m)
    expect(status).toBe(0)
  })

  test.each([
    [4, ''],
    [6, `-t ^(${RegExp.escape('a story (1+1) its chapter')}) `],
  ])('in a file of %d minutes: what is run once more', (minutes, chapters) => {
    const { said } = testsOf(file(minutes, 'TimedOut'))
    expect(said).toContain(`npm exec -- vitest run test/some.test.ts ${chapters}--reporter`)
  })

  test.each([
    ['failed', judged({ version: '', problem: 'closed' })],
    ['was misrouted', judged({ version: '2', problem: null })],
  ])('is final when a request %s', (_, message) => {
    const { status, said } = tests('Error: of the test', message)
    expect(said).not.toContain('once more')
    expect(said).toMatch(/^4 passed, 1 failed$/m)
    expect(status).toBe(1)
  })
})
