import { defineConfig } from 'vitest/config'

// Tests use real sockets and processes: files run one after another on a small machine by default.
export default defineConfig({
  test: {
    include: ['{wire,router-wasm,control,agent,bench,deploy,test}/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
