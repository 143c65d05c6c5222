/** How a program of an agent ends: told by a signal, or because the one who started it has died. */
export function stopWhenTold(stop: () => Promise<void>): void {
  const end = () => {
    stop().then(
      () => process.exit(0),
      (error) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  // Started by a fleet: the channel closes when the one who started it has died, perhaps already.
  if (process.channel) process.on('disconnect', end)
  if (process.connected === false) end()
}
