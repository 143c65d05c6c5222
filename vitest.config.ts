import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

// Tests use real sockets and processes. Whole fleets have promises about time to keep under load, so they
// run last and one file after another; everything else shares the two cores of a small machine.
const fleets =
  'test/{story,life,keys,switch,crash,first-contact,rolling,cli,pages,alerts,upgrade,lab,install,edge,ingress,kubernetes}/**/*.test.ts'

/**
 * Every test of the API runs on workerd as well: `test/edge/control-under-test.ts` starts control there. These
 * know no control, only a part of it.
 */
const withoutControl = ['audit', 'codes', 'event-stream', 'server']
const controlOnWorkerd = {
  find: /^(\.\.?\/)+(control\/)?control-under-test\.ts$/,
  replacement: resolve(import.meta.dirname, 'test/edge/control-under-test.ts'),
}

/** The first test that wants the Worker bundles it, which takes a busy machine a minute. */
const bundledWithinMs = 180_000

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
          globalSetup: 'test/edge/bundled-once.ts',
          hookTimeout: bundledWithinMs,
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
          globalSetup: 'test/edge/bundled-once.ts',
          hookTimeout: bundledWithinMs,
          testTimeout: 60_000,
          include: ['control/api/*.test.ts'],
          exclude: withoutControl.map((name) => `control/api/${name}.test.ts`),
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
