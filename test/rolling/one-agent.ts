/** The agent of the tests in this folder: a whole one (supervisor, pilot, one worker), mostly on the local platform. */
import { join } from 'node:path'
import type { AgentConfig } from '../../agent/config.ts'
import { type Supervisor, startSupervisor } from '../../agent/supervisor.ts'

/** `eu-1-a`, on free ports, with its state below `folder`. */
export function startOneAgent(
  folder: string,
  control: { readonly url: string; readonly enrolmentToken?: string },
  platform: { readonly url: string } | AgentConfig['platform'],
): Supervisor {
  const free = { host: '127.0.0.1', port: 0 }
  const { url, enrolmentToken = 'swy_enrol_x' } = control
  return startSupervisor(
    {
      cluster: 'eu-1',
      name: 'eu-1-a',
      stateFolder: join(folder, 'agent'),
      listen: free,
      probe: free,
      admin: free,
      workers: 1,
      control: { url, enrolmentToken },
      nats: null,
      platform: 'type' in platform ? platform : { type: 'local', url: platform.url },
    },
    { log: () => {} },
  )
}
