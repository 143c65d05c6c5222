import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

// Tests use real sockets and processes, on the two cores of a small machine. Parts of the product, control on
// workerd and whole fleets run two at a time; what has promises about time to keep, or no request to lose under
// load, runs last and one file after another.
const fleets = 'test/{keys,first-contact,cli,pages,lab,install,edge}/**/*.test.ts'
const promises =
  'test/{story,life,switch,crash,rolling,alerts,upgrade,ingress,kubernetes}/**/*.test.ts'

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

/** What a process of a fleet has stripped and compiled once, the next one finds. */
const compiled = {
  NODE_COMPILE_CACHE: resolve(import.meta.dirname, 'node_modules/.cache/compiled'),
}

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    env: compiled,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['{wire,router-wasm,cli,control,agent,bench,deploy,test}/**/*.test.ts'],
          exclude: [fleets, promises],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
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
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'fleets',
          include: [fleets],
          globalSetup: 'test/edge/bundled-once.ts',
          hookTimeout: bundledWithinMs,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'promises',
          include: [promises],
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
