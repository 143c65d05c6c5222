import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

// Tests use real sockets and processes. Whole fleets have promises about time to keep under load, so they
// run last and one file after another; everything else shares the two cores of a small machine.
const fleets =
  'test/{story,life,keys,switch,crash,first-contact,rolling,cli,pages,alerts,upgrade,lab,install,edge,ingress,kubernetes}/**/*.test.ts'

/**
 * Cases of the API that run on workerd as well: `test/edge/control-under-test.ts` starts control there. Not
 * `documents`, `dry-run`, `guard`, `keys` and `tokens`, which look into control's own process.
 */
const casesOnWorkerd = [
  'bad-input',
  'blame',
  'explain',
  'intents',
  'limited-tokens',
  'odd-names',
  'openapi',
  'past',
  'readings',
  'releases',
  'strategies',
]
const controlOnWorkerd = {
  find: /^(\.\.?\/)+(control\/)?control-under-test\.ts$/,
  replacement: resolve(import.meta.dirname, 'test/edge/control-under-test.ts'),
}

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['{wire,router-wasm,cli,control,agent,bench,deploy,test}/**/*.test.ts'],
          exclude: [fleets],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'fleets',
          include: [fleets],
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        resolve: { alias: [controlOnWorkerd] },
        test: {
          name: 'workerd',
          include: casesOnWorkerd.map((name) => `control/api/${name}.test.ts`),
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
