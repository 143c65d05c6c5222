/** A real Prometheus on a fleet: scrapes control and agents, evaluates the hurried rules, says what fires. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../agent/free-port.ts'
import { until } from '../../deploy/local/until.ts'
import { findPrometheus } from '../../deploy/prometheus/find.ts'
import { hurried } from './rules.ts'

export interface Prometheus {
  /** Names and labels of the alerts that fire now. */
  firing(): Promise<readonly Readonly<Record<string, string>>[]>
  /** Resolves with the labels once the alert fires for something that has these labels. */
  fires(alert: string, labels?: Readonly<Record<string, string>>): Promise<void>
  stop(): Promise<void>
}

export interface Scraped {
  readonly folder: string
  readonly token: string
  readonly control: string
  readonly agents: readonly string[]
}

const everyMs = 250
const firesWithinMs = 25_000

export async function startPrometheus(scraped: Scraped, hurry: number): Promise<Prometheus> {
  const { prometheus } = await findPrometheus((line) => console.log(line))
  const folder = join(scraped.folder, 'prometheus')
  mkdirSync(folder)
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  file('alerts.yaml', hurried(hurry))
  file('read.token', scraped.token)
  const job = (name: string, targets: readonly string[], more: object = {}) => ({
    job_name: name,
    static_configs: [{ targets }],
    ...more,
  })
  const interval = `${everyMs}ms`
  // JSON is YAML.
  const config = {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ['alerts.yaml'],
    scrape_configs: [
      job('switchyard-control', [scraped.control], {
        authorization: { credentials_file: 'read.token' },
      }),
      job('switchyard-agents', scraped.agents),
    ],
  }
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const child = spawn(
    prometheus,
    [
      `--config.file=${file('prometheus.yaml', JSON.stringify(config))}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (part) => {
    said = (said + part).slice(-4_000)
  })
  const query = async (text: string) => {
    const url = `http://${address}/api/v1/query?query=${encodeURIComponent(text)}`
    const answer = (await (await fetch(url)).json()) as Answer
    return answer.data.result.map(({ metric }) => metric)
  }
  const firing = () => query('ALERTS{alertstate="firing"}')
  try {
    await until(
      'Prometheus is ready',
      async () => (await fetch(`http://${address}/-/ready`)).ok,
      Boolean,
    )
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`Prometheus does not start: ${said}`, { cause })
  }
  return {
    firing,
    async fires(alert, labels = {}) {
      await until(
        `${alert} fires`,
        firing,
        (all) =>
          all.some(
            (one) =>
              one.alertname === alert &&
              Object.entries(labels).every(([name, value]) => one[name] === value),
          ),
        firesWithinMs,
        100,
      )
    },
    stop: () => ended(child),
  }
}

interface Answer {
  readonly data: { readonly result: readonly { readonly metric: Record<string, string> }[] }
}

function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  return gone
}
