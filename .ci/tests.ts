/**
 * Runs the tests and ends with the one line that CI reads. A file with a failed test is run once more, alone: on two
 * cores that others use too, a test can be starved by its neighbours. Of a file of many minutes it is the chapters
 * that failed. What needed that is named at the end. A broken promise is final: a request that failed or was
 * misrouted under load is never tried again.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { brokenPromise } from '../bench/load/verdict.ts'

interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly TestFile[]
}
interface TestFile {
  readonly name: string
  readonly status: string
  readonly message: string
  readonly startTime: number
  readonly endTime: number
  readonly assertionResults: readonly Test[]
}
interface Test {
  readonly status: string
  readonly fullName: string
  readonly ancestorTitles: readonly string[]
  readonly failureMessages: readonly string[] | null
}

/** More than these in one run is no bad luck. */
const filesToTryAgain = 5
const longFileMs = 5 * 60_000
const folder = mkdtempSync(join(tmpdir(), 'switchyard-ci-'))

function run(name: string, npm: readonly string[]): Report | null {
  const file = join(folder, `${name}.json`)
  const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  spawnSync('npm', [...npm, ...report], { stdio: 'inherit' })
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : null
}

const isFailed = ({ status }: { readonly status: string }) => status === 'failed'
const whyFailed = ({ message, assertionResults }: TestFile): string[] => {
  const failed = assertionResults.filter(isFailed)
  const whys = failed.map((test) => `${test.fullName}: ${test.failureMessages?.[0] ?? ''}`)
  return whys.length > 0 ? whys : [message]
}
/** Names of tests are no evidence, and hooks may have failed as well as the test. */
const breaksPromise = ({ message, assertionResults }: TestFile): boolean =>
  [message, ...assertionResults.flatMap(({ failureMessages }) => failureMessages ?? [])].some(
    (text) => text.includes(brokenPromise),
  )
/** A file that could not be loaded has no tests and is a failure of its own. */
const failures = (report: Report) =>
  report.numFailedTests +
  report.testResults.filter((file) => isFailed(file) && file.assertionResults.length === 0).length

/** A describe in a describe, whose tests may build on each other; the whole file when a failure is in none. */
function onlyChapters({ startTime, endTime, assertionResults }: TestFile): string[] {
  const chapters = assertionResults
    .filter(isFailed)
    .map(({ ancestorTitles }) => ancestorTitles.slice(0, 2))
  const isWhole = chapters.length === 0 || chapters.some(({ length }) => length < 2)
  if (isWhole || endTime - startTime < longFileMs) return []
  const names = new Set(chapters.map((titles) => RegExp.escape(titles.join(' '))))
  return ['-t', `^(${[...names].join('|')})`]
}

function tryAgain(report: Report): { readonly mended: number; readonly told: string[] } {
  const files = report.testResults.filter(isFailed)
  const hopeless = files.some(breaksPromise) || files.length > filesToTryAgain
  if (files.length === 0 || hopeless) return { mended: 0, told: [] }
  const whys = files.flatMap(whyFailed)
  const names = files.map(({ name }) => relative(process.cwd(), name))
  console.log(`\nonce more, alone: ${names.join(', ')}`)
  const passes = files.every((file, n) => {
    const second = run(`second-${n}`, [
      'exec',
      '--',
      'vitest',
      'run',
      names[n]!,
      ...onlyChapters(file),
    ])
    return second?.success && second.numPassedTests > 0
  })
  if (!passes) return { mended: 0, told: [] }
  return { mended: failures(report), told: whys.map((why) => why.split('\n', 1)[0]!) }
}

const earlier = Number(process.argv[2] ?? 0)
const report = run('first', ['test', '--'])
const { mended, told } = report ? tryAgain(report) : { mended: 0, told: [] }
for (const why of told) console.log(`needed a second run: ${why}`)

const passed = (report?.numPassedTests ?? 0) + mended
let failed = report ? failures(report) - mended : 0
const isWrong = earlier > 0 || passed === 0 || !(report?.success || mended > 0)
if (isWrong && failed === 0) failed = 1
const skipped = report?.numPendingTests ?? 0
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed === 0 ? 0 : 1
