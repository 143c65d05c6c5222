/** What a route's filters do, in sentences without their full stop. */
import type { HeaderChanges, LoadBalance, Rewrite, RouteFilters, Timeouts } from '#wire/filter.ts'

export const filterWords = (filters: RouteFilters): string[] => [
  ...rewriteWords(filters.rewrite),
  ...headerWords(filters.requestHeaders),
  ...responseWords(filters.responseHeaders),
  ...timeoutWords(filters.timeouts),
  ...balanceWords(filters.loadBalance),
]

export function rewriteWords(rewrite: Rewrite | undefined): string[] {
  if (!rewrite) return []
  const { path, hostname } = rewrite
  const to = path && (path.value === '' ? '/' : path.value)
  return [
    ...(path?.type === 'ReplaceFullPath' ? [`the whole path becomes ${to}`] : []),
    ...(path?.type === 'ReplacePrefixMatch' ? [`the matched prefix becomes ${to}`] : []),
    ...(hostname ? [`the host becomes ${hostname}`] : []),
  ]
}

export function headerWords(changes: HeaderChanges | undefined, what = 'header'): string[] {
  if (!changes) return []
  return [
    ...changes.set.map(({ name, value }) => `${what} ${name} is set to ${value}`),
    ...changes.add.map(({ name, value }) => `${what} ${name} gets ${value} added`),
    ...changes.remove.map((name) => `${what} ${name} is removed`),
  ]
}

export const responseWords = (changes: HeaderChanges | undefined): string[] =>
  headerWords(changes, 'response header')

const timeoutSubjects: Readonly<Record<keyof Timeouts, string>> = {
  requestMs: 'a request takes',
  backendRequestMs: 'an endpoint takes',
  connectMs: 'connecting takes',
  idleMs: 'an endpoint is silent for',
  tunnelIdleMs: 'a tunnel is silent for',
}

export const timeoutWords = (timeouts: Timeouts | undefined): string[] =>
  Object.entries(timeouts ?? {}).map(
    ([name, ms]) => `${timeoutSubjects[name as keyof Timeouts]} at most ${ms / 1_000} s`,
  )

export function balanceWords(balance: LoadBalance | undefined): string[] {
  switch (balance?.type) {
    case undefined:
      return []
    case 'round-robin':
      return ['endpoints take turns']
    case 'random':
      return ['endpoints are drawn at random']
    case 'client-address':
      return ['an address keeps its endpoint']
    case 'path':
      return ['a path keeps its endpoint']
    case 'header':
      return [`a value of header ${balance.header} keeps its endpoint`]
  }
}
