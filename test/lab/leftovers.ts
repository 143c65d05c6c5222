/** What of a lab could still be on the machine, for tests that it is gone. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { runningProcesses } from '../../deploy/local/processes.ts'
import { containerGroups } from './control-groups.ts'
import { nodeDevice } from './inside.ts'
import { podsDevice } from './node-parts.ts'

/** The node's, its pods' bridge, links between labs: all of them belong into a lab's own network. */
const ownDevice = new RegExp(`^(${nodeDevice}|${podsDevice}|to-.*)$`)

export function leftoversOf(folder: string): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  return [
    ...runningProcesses().flatMap(({ pid, command }) =>
      command.includes(folder) ? [`process ${pid}: ${command}`] : [],
    ),
    ...mounts.filter((line) => line.includes(folder)).map((line) => `mount ${line}`),
    ...containerGroups(folder).map((group) => `control group ${group}`),
    ...readdirSync('/sys/class/net').flatMap((device) =>
      ownDevice.test(device) ? [`network device ${device}`] : [],
    ),
    ...(existsSync(folder) ? [`folder ${folder}`] : []),
  ]
}
