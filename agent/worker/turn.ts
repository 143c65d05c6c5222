/**
 * Turns of the event loop. All reads of one poll were ready before any of their callbacks ran; so bytes
 * from a backend that are read in the same turn in which its request was written cannot be the answer.
 * One immediate a busy turn (0.3 µs), not one a request, counts the turns.
 */

/**
 * libuv polls again within a turn when a poll returned 1,024 events: then the proof does not hold, so it
 * is given up early. (Requests must be written in the poll phase: from a timer the proof fails, too.)
 */
const eventsBeforeRepoll = 512

export interface Turn {
  /** The present turn; arranges that it ends. */
  mark(): number
  /** For each read of a backend: is this surely still the turn `since`? */
  isSame(since: number): boolean
}

export function createTurn(): Turn {
  let turn = 0
  let marked = false
  let events = 0
  const end = () => {
    turn++
    marked = false
    events = 0
  }
  return {
    mark() {
      if (!marked) {
        marked = true
        setImmediate(end)
      }
      events++
      return turn
    },
    isSame(since) {
      events++
      return since === turn && marked && events < eventsBeforeRepoll
    },
  }
}
