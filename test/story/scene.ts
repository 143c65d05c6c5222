/** What the chapters share: a scene is played under load and judged at its end. */
import { expect } from 'vitest'
import type { History } from '../../bench/load/history.ts'
import type { LoadPlan, LoadResult } from '../../bench/load/plan.ts'
import { describe as inWords, judge } from '../../bench/load/verdict.ts'
import type { Load } from '../../bench/load.ts'

/** Where load comes from. */
export interface Loaded {
  load(app: string, plan?: Partial<LoadPlan>): Promise<Pick<Load, 'stop'>>
}

/** Plays `scene` under load and expects that no request failed, none was misrouted, none truncated. */
export async function underLoad(
  stage: Loaded,
  app: string,
  history: History,
  scene: () => Promise<void>,
  plan: Partial<LoadPlan> = {},
): Promise<LoadResult> {
  const load = await stage.load(app, plan)
  let result: LoadResult
  try {
    await scene()
  } finally {
    result = await load.stop()
  }
  expectFlawless(result, history)
  return result
}

export function expectFlawless(result: LoadResult, history: History): void {
  const verdict = judge(result, history.allowed)
  const { failed, misrouted, truncated } = verdict
  expect({ failed, misrouted, truncated }, inWords(verdict)).toEqual({
    failed: 0,
    misrouted: 0,
    truncated: 0,
  })
  expect(verdict.requests).toBeGreaterThan(0)
}
