/**
 * Turns vitest's JSON report into the one line that CI reads, and the exit code. A run without a report,
 * without tests, or with a failed check or file counts as failed.
 */
import { existsSync, readFileSync } from 'node:fs'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly success: boolean
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly unknown[]
  }[]
}

const [file = '', earlier = '0'] = process.argv.slice(2)
const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
const report = text === '' ? null : (JSON.parse(text) as Report)
const passed = report?.numPassedTests ?? 0
/** A file that could not be loaded has no tests and is a failure of its own. */
const brokenFiles =
  report?.testResults.filter((one) => one.status === 'failed' && one.assertionResults.length === 0)
    .length ?? 0
let failed = (report?.numFailedTests ?? 0) + brokenFiles
const wrong = earlier !== '0' || !report?.success || passed === 0
if (wrong && failed === 0) failed = 1
const skipped = report?.numPendingTests ?? 0
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed === 0 ? 0 : 1
