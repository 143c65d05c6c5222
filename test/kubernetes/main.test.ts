/** Where there can be no lab, and no cluster is named, `npm run test:kubernetes` says the one command to run. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('without a lab and without KUBECONFIG it says which one command to run', () => {
  // No program is found there, whoever asks: neither what a lab needs nor what would install it.
  const { status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { PATH: '/nowhere', HOME: '/nowhere' },
    encoding: 'utf8',
  })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^The lab (needs|runs) /)
  const command =
    /^The one command to run: (sudo|KUBECONFIG=~\/\.kube\/config) npm run test:kubernetes$/m
  expect(stderr).toMatch(command)
})
