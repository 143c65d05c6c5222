#!/usr/bin/env node
// The bin of `switchyard`: any Node may start it, and the project's own Node runs it. Kept to plain
// JavaScript of old, because a Node that is too old must get as far as the sentence that says so.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const needed = [24, 12]
const folder = dirname(realpathSync(fileURLToPath(import.meta.url)))
const main = join(folder, 'main.ts')
const own = join(folder, '..', 'node_modules', '.bin', 'node')

const [major, minor] = process.versions.node.split('.').map(Number)
const runsTypes = major > needed[0] || (major === needed[0] && minor >= needed[1])

if (existsSync(own) && realpathSync(own) !== realpathSync(process.execPath)) {
  const child = spawn(own, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  // Ctrl-C reaches the child by itself; it decides how to end.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', (error) => fail(`${own} does not start: ${error.message}`))
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + (signal === 'SIGINT' ? 2 : 15) : code
  })
} else if (runsTypes) {
  await import(main)
} else {
  fail(`Node ${process.versions.node} is too old`)
}

function fail(what) {
  console.error(`switchyard: ${what}
  where: ${process.execPath}
  to do: run \`npm ci\` in ${dirname(folder)}, which brings the right Node along, or use Node >= ${needed.join('.')}`)
  process.exitCode = 1
}
