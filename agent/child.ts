/**
 * The supervised side of a child process: heartbeats to the supervisor over the fork's channel, and the
 * one order that it gives. A child never outlives its supervisor: when the channel closes, it is told to
 * stop as if by order.
 */

/** Sent by a child: `alive` at every heartbeat, `listening` once it accepts. */
export type ChildMessage = { readonly type: 'alive' } | { readonly type: 'listening' }
/** Sent by the supervisor: finish what is open, then exit. */
export type SupervisorMessage = { readonly type: 'stop' }

export const heartbeatMs = 500

/** `onStop` is called once: on the supervisor's order, SIGTERM, SIGINT or the supervisor's death. */
export function supervised(onStop: () => void): { tell(message: ChildMessage): void } {
  let stopping = false
  const stop = () => {
    if (stopping) return
    stopping = true
    onStop()
  }
  const tell = (message: ChildMessage) => {
    // Without a callback a closed channel would throw; the `disconnect` event says it anyway.
    if (process.connected) process.send?.(message, undefined, undefined, () => {})
  }
  process.on('message', (message) => {
    if ((message as SupervisorMessage).type === 'stop') stop()
  })
  process.on('disconnect', stop)
  process.on('SIGTERM', stop)
  // A terminal sends Ctrl-C to the whole group; the supervisor gives the order.
  process.on('SIGINT', () => {})
  setInterval(() => tell({ type: 'alive' }), heartbeatMs).unref()
  return { tell }
}
