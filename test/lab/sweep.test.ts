import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import { whyNoLab } from './availability.ts'
import { type LabRecord, runningLabs, sweep } from './lab-folder.ts'
import { leftoversOf } from './leftovers.ts'

const entry = join(import.meta.dirname, 'cluster.ts')

describe.skipIf(whyNoLab({ nodes: false }))('a lab whose holder dies', { timeout: 120_000 }, () => {
  const name = 'orphan'
  let holder: ChildProcess | null = null
  afterAll(() => holder?.kill('SIGKILL'))

  const running = () => runningLabs().find((lab) => lab.name === name && existsSync(lab.kubeconfig))
  const start = async (): Promise<LabRecord> => {
    holder = spawn(process.execPath, [entry, '--name', name, '--no-nodes'], { stdio: 'pipe' })
    let said = ''
    holder.stdout!.on('data', (bytes: Buffer) => {
      said += bytes.toString()
    })
    await until(
      'the lab',
      () => said,
      (text) => text.includes('Where'),
      90_000,
    )
    const lab = running()!
    expect(said).toContain(`export KUBECONFIG=${lab.kubeconfig}\n`)
    return lab
  }

  test('ends with it, and the next start sweeps its folder', async () => {
    const { kubeconfig } = await start()
    const folder = join(kubeconfig, '..')
    holder!.kill('SIGKILL')
    await until(
      'only the folder is left',
      () => leftoversOf(folder),
      (left) => left.join() === `folder ${folder}`,
    )
    expect(running()).toBeUndefined()
    await sweep(() => {})
    expect(leftoversOf(folder)).toEqual([])
  })

  test('Ctrl-C leaves nothing at all', async () => {
    const { kubeconfig } = await start()
    const code = new Promise((resolve) => holder!.once('exit', resolve))
    holder!.kill('SIGINT')
    expect(await code).toBe(0)
    expect(leftoversOf(join(kubeconfig, '..'))).toEqual([])
  })
})
