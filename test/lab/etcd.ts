/** A lab's etcd as it was once, and back to that: what a restore of a backup does to a cluster. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../deploy/local/until.ts'
import type { Cluster } from './start-cluster.ts'

export interface KeptEtcd {
  /** Copies what is there now. */
  keep(): Promise<void>
  /** Whatever has been written since is gone; whoever follows by later versions is not restarted. */
  restore(): Promise<void>
}

/** Both are over when the API server, which is away meanwhile, answers again. */
export function keptEtcd(cluster: Cluster): KeptEtcd {
  const etcd = cluster.part('etcd')
  const server = cluster.part('kube-apiserver')
  const data = join(cluster.folder, 'etcd')
  const former = `${data}.former`
  const back = async () => {
    etcd.start()
    // The API server ends when there is no etcd when it starts.
    await delay(2_000)
    server.start()
    const answer = () => cluster.kubectl(['get', 'ns']).catch(() => '')
    await until('the API server', answer, Boolean, 60_000)
  }
  return {
    async keep() {
      await server.kill()
      await etcd.stop()
      cpSync(data, former, { recursive: true })
      await back()
    },
    async restore() {
      await server.kill()
      await etcd.kill()
      rmSync(data, { recursive: true })
      cpSync(former, data, { recursive: true })
      await back()
    },
  }
}
