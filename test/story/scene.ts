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
  const fault = await faultOf(scene)
  const result = await load.stop()
  expectFlawless(result, history, fault)
  return result
}

export interface Fault {
  readonly error: unknown
}

export const faultOf = (scene: () => Promise<void>): Promise<Fault | null> =>
  scene().then(
    () => null,
    (error: unknown) => ({ error }),
  )

/**
 * Throws the scene's own fault when nothing worse is seen: a request that failed before it is told first. Who might
 * answer when is known only of a scene that was played to its end.
 */
export function expectFlawless(
  result: LoadResult,
  history: History,
  fault: Fault | null = null,
): void {
  const verdict = judge(result, history.allowed)
  const { failed, truncated } = verdict
  const misrouted = fault ? 0 : verdict.misrouted
  expect({ failed, misrouted, truncated }, inWords(verdict)).toEqual({
    failed: 0,
    misrouted: 0,
    truncated: 0,
  })
  if (fault) throw fault.error
  expect(verdict.requests).toBeGreaterThan(0)
}
