/** Things by a key that several of them share. */
export function createGroups<T>(keyOf: (one: T) => string) {
  const groups = new Map<string, Set<T>>()
  return {
    of: (key: string): Iterable<T> => groups.get(key) ?? [],
    add(one: T): void {
      const group = groups.get(keyOf(one))
      if (group) group.add(one)
      else groups.set(keyOf(one), new Set([one]))
    },
    remove(one: T): void {
      const group = groups.get(keyOf(one))
      group?.delete(one)
      if (group?.size === 0) groups.delete(keyOf(one))
    },
    clear: () => groups.clear(),
  }
}
