/** What holds of the pods themselves once everything is installed: the image, its user, and a disruption's bounds. */
import { expect, test } from 'vitest'
import { until } from '../../deploy/local/until.ts'
import type { Cluster } from '../lab/start-cluster.ts'

const inSwitchyard = ['-n', 'switchyard']

/** Said by the program that the image has anyway. Types are among what dependencies of ours depend on. */
const look = `
const { existsSync, readFileSync, writeFileSync } = require('node:fs')
let root = 'writable'
try { writeFileSync('/usr/local/x', '') } catch (error) { root = error.code }
const { devDependencies } = JSON.parse(readFileSync('package.json'))
const known = Object.keys(devDependencies).filter((name) => !name.startsWith('@types/'))
const there = known.filter((name) => existsSync('node_modules/' + name))
console.log(JSON.stringify({ user: process.getuid(), root, there, known: known.length }))
`

export function podsCases(clusterOf: () => Cluster): void {
  test.each([
    ['pod/switchyard-agent-0', 'agent'],
    ['deploy/switchyard-control', 'control'],
  ])(
    '%s runs as nobody of importance, on a root that is read-only, without what developers need',
    async (pod, container) => {
      const exec = [...inSwitchyard, 'exec', pod, '-c', container, '--', 'node', '-e', look]
      const { user, root, there, known } = JSON.parse(await clusterOf().kubectl(exec))
      expect({ user, root, there }).toEqual({ user: 1_000, root: 'EROFS', there: [] })
      expect(known).toBeGreaterThan(0)
    },
  )

  test('one agent may be evicted, and the other one only once that is back', async () => {
    const { kubectl } = clusterOf()
    const budget = async () =>
      JSON.parse(await kubectl([...inSwitchyard, 'get', 'pdb', 'switchyard-agent', '-o', 'json']))
        .status as { disruptionsAllowed: number; currentHealthy: number }
    const untilWhole = () =>
      until('both agents', budget, ({ currentHealthy }) => currentHealthy === 2, 90_000)
    const evict = (name: string) => {
      const path = `/api/v1/namespaces/switchyard/pods/${name}/eviction`
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } }
      return kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction))
    }
    await untilWhole()
    await until('one may go', budget, ({ disruptionsAllowed }) => disruptionsAllowed === 1, 30_000)
    await evict('switchyard-agent-0')
    await expect(evict('switchyard-agent-1')).rejects.toThrow(/disruption budget/)
    await until('it has gone', budget, ({ currentHealthy }) => currentHealthy === 1, 90_000)
    await untilWhole()
  })
}
