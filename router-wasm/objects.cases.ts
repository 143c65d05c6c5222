/** Short words for objects in tests. */
import type { RouteMatch } from '#wire/app.ts'
import type { BackendObject, PositionObject, RouteObject } from '#wire/object.ts'

export const exact = (value: string, rest: Partial<RouteMatch> = {}): RouteMatch => ({
  path: { type: 'Exact', value },
  headers: [],
  ...rest,
})

export const prefix = (value: string, rest: Partial<RouteMatch> = {}): RouteMatch => ({
  path: { type: 'PathPrefix', value },
  headers: [],
  ...rest,
})

/** A route `route/shop/<name>` of the app shop. */
export const route = (
  name: string,
  matches: readonly RouteMatch[] = [prefix('/')],
  rest: Partial<RouteObject> = {},
): RouteObject => ({
  kind: 'route',
  key: `route/shop/${name}`,
  app: 'shop',
  hosts: ['shop.example'],
  matches: [...matches],
  since: 1,
  ...rest,
})

export const backend = (release: string): BackendObject => ({
  kind: 'backend',
  key: `backend/${release}`,
  app: release.replace(/-r\d+$/, ''),
  release,
  version: '1.0.0',
  platform: 'local',
})

/** The app's position: releases and weights in turn. */
export const position = (
  app: string,
  generation: number,
  weights: Readonly<Record<string, number>>,
  split?: PositionObject['split'],
): PositionObject => ({
  kind: 'position',
  key: `position/${app}`,
  app,
  generation,
  weights: Object.entries(weights).map(([release, weight]) => ({ release, weight })),
  ...(split && { split }),
})

/** One release of shop that takes everything. */
export const live = [backend('shop-r1'), position('shop', 1, { 'shop-r1': 1 })] as const
