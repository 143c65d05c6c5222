import { defineConfig } from 'vitest/config'

// Tests use real sockets and processes. Whole fleets have promises about time to keep under load, so they
// run last and one file after another; everything else shares the two cores of a small machine.
const fleets =
  'test/{story,life,keys,switch,crash,first-contact,rolling,cli,pages,alerts,upgrade,lab,install,edge,ingress}/**/*.test.ts'

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
    ],
  },
})
