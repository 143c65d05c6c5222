/**
 * Each release's list of ready endpoints, in memory of its own apart from the tables. A change writes a new
 * list and then one word, so `select` sees the former or the new one. Space is given in powers of two and
 * used again; when none is left the lists are laid anew, one behind the other.
 */
import { LIST_COUNT, LIST_SLOTS, LIST_START, LISTS } from './layout.ts'
import type { EndpointInput } from './router.ts'
import { endpointKey, type Slots } from './slots.ts'

/** Room for 65,536 lists of up to 6 endpoints, or for as many entries in longer ones. */
export const listBytesMax = 0x400000
/** Entries of all lists together; beyond it an endpoint is left out, which its count shows. */
const entryCountMax = 65_536
const listBytesLeast = 32

export interface EndpointLists {
  set(backend: number, endpoints: readonly EndpointInput[]): void
  /** Read back from memory. */
  count(backend: number): number
  /** Backends that have endpoints. */
  backends(): Iterable<number>
}

interface List {
  readonly keys: readonly string[]
  readonly slots: readonly number[]
  offset: number
}

export function createEndpointLists(
  words: Int32Array,
  region: number,
  slots: Slots,
): EndpointLists {
  const lists = new Map<number, List>()
  const free = new Map<number, number[]>()
  let end = region
  let entries = 0

  const sizeFor = (count: number) =>
    Math.max(listBytesLeast, 2 ** Math.ceil(Math.log2(LIST_SLOTS + count * 4)))

  const claim = (size: number): number => {
    const used = free.get(size)?.pop()
    if (used !== undefined) return used
    if (end + size > region + listBytesMax) return -1
    end += size
    return end - size
  }
  const giveBack = ({ offset, slots: held }: List) => {
    const size = sizeFor(held.length)
    const same = free.get(size) ?? []
    free.set(size, same)
    same.push(offset)
  }
  const write = (backend: number, list: List, start: number) => {
    const at = list.offset >> 2
    words[at + (LIST_COUNT >> 2)] = list.slots.length
    words[at + (LIST_START >> 2)] = start
    words.set(list.slots, at + (LIST_SLOTS >> 2))
    words[(LISTS >> 2) + backend] = list.offset
  }
  const startOf = (list: List) => words[(list.offset + LIST_START) >> 2]!
  const claimOrLayAnew = (size: number): number => {
    const offset = claim(size)
    if (offset >= 0) return offset
    free.clear()
    end = region
    for (const [backend, list] of lists) {
      list.offset = claim(sizeFor(list.slots.length))
      write(backend, list, 0)
    }
    const again = claim(size)
    if (again < 0) throw new RangeError('the endpoint lists do not fit')
    return again
  }

  return {
    set(backend, endpoints) {
      const former = lists.get(backend)
      const wanted = new Map(endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]))
      if (former ? sameKeys(former.keys, wanted) : wanted.size === 0) return
      const room = entryCountMax - entries
      const taken: number[] = []
      for (const endpoint of wanted.values()) {
        const slot = taken.length < room ? slots.take(endpoint) : -1
        if (slot >= 0) taken.push(slot)
      }
      if (taken.length === 0) {
        lists.delete(backend)
        words[(LISTS >> 2) + backend] = 0
      } else {
        const offset = claimOrLayAnew(sizeFor(taken.length))
        // A list that is not whole has no keys, so that the next change tries again.
        const list = {
          keys: taken.length < wanted.size ? [] : [...wanted.keys()],
          slots: taken,
          offset,
        }
        write(backend, list, former ? startOf(former) % taken.length : 0)
        lists.set(backend, list)
      }
      entries += taken.length
      if (!former) return
      entries -= former.slots.length
      giveBack(former)
      for (const slot of former.slots) slots.drop(slot)
    },
    count(backend) {
      const offset = words[(LISTS >> 2) + backend]!
      return offset === 0 ? 0 : words[(offset + LIST_COUNT) >> 2]!
    },
    backends: () => lists.keys(),
  }
}

const sameKeys = (keys: readonly string[], wanted: ReadonlyMap<string, unknown>) =>
  keys.length === wanted.size && keys.every((key) => wanted.has(key))
