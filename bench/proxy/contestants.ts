/**
 * The proxies that are measured, each as it is run for speed: one process or thread, keep-alive on both
 * sides, no access log. A contestant that is not installed is named with the way to install it.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../agent/free-port.ts'
import { startSupervisor } from '../../agent/supervisor.ts'
import { firstLine, installed, pinNow, start, stop } from './processes.ts'
import { benchTable } from './table.ts'

export interface Running {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

export interface Contestant {
  readonly name: string
  /** Null when it can be started, else how to install it. */
  readonly missing: string | null
  start(folder: string, backendPort: number): Promise<Running>
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const switchyard: Contestant = {
  name: 'switchyard',
  missing: null,
  async start(folder, backendPort) {
    const free = { host: '127.0.0.1', port: 0 }
    const endpoints = { 'shop-r1': [{ address: '127.0.0.1', port: backendPort }] }
    const weights = [{ release: 'shop-r1', weight: 1 }]
    const positions = [{ app: 'shop', generation: 1, weights, close: [] }]
    writeFileSync(join(folder, 'table'), benchTable())
    writeFileSync(join(folder, 'positions.json'), JSON.stringify({ positions }))
    writeFileSync(join(folder, 'endpoints.json'), JSON.stringify({ endpoints }))
    const supervisor = startSupervisor(
      {
        cluster: 'bench',
        name: 'bench-a',
        stateFolder: folder,
        listen: free,
        probe: free,
        admin: free,
        workers: 1,
        control: { url: 'http://127.0.0.1:9', enrolmentToken: null },
        nats: null,
        platform: { type: 'static', file: 'none' },
      },
      { pilotScript: new URL('./no-pilot.ts', import.meta.url) },
    )
    await supervisor.listening
    const pid = supervisor.pids().workers[0]!
    pinNow(pid, 'proxy')
    return { port: supervisor.listen.port, pid, stop: () => supervisor.stop() }
  },
}

function external(
  name: string,
  install: string,
  command: (folder: string, port: number, backendPort: number) => string[],
): Contestant {
  return {
    name,
    missing: installed(name) ? null : install,
    async start(folder, backendPort) {
      const port = await freePort()
      const child = start(command(folder, port, backendPort), 'proxy')
      await listening(port)
      return { port, pid: child.pid!, stop: () => stop(child) }
    },
  }
}

async function listening(port: number): Promise<void> {
  const endMs = performance.now() + 10_000
  for (;;) {
    try {
      await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) })
      return
    } catch (error) {
      if (performance.now() > endMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

const haproxy = external('haproxy', 'apt-get install haproxy', (folder, port, backendPort) => {
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 5000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  option forwardfor
  default_backend back
backend back
  server one 127.0.0.1:${backendPort}
`,
  )
  return ['haproxy', '-db', '-f', file]
})

const nginx = external('nginx', 'apt-get install nginx', (folder, port, backendPort) => {
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 5000; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream back {
    server 127.0.0.1:${backendPort};
    keepalive 1024;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://back;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_buffering off;
    }
  }
}
`,
  )
  return ['nginx', '-p', folder, '-c', file]
})

const npm: Contestant = {
  name: 'fast-proxy',
  missing: null,
  async start(_folder, backendPort) {
    const child = start([process.execPath, script('./npm-proxy.ts'), `${backendPort}`], 'proxy')
    return { port: Number(await firstLine(child)), pid: child.pid!, stop: () => stop(child) }
  },
}

export const contestants: readonly Contestant[] = [switchyard, haproxy, nginx, npm]

/** A folder of its own for each contestant. */
export function folderOf(root: string, { name }: Contestant): string {
  const folder = join(root, name)
  mkdirSync(folder, { recursive: true })
  return folder
}

export const versionOf = (name: string): string => {
  const text = execFileSync('sh', ['-c', `${name} -v 2>&1 | head -1`], { encoding: 'utf8' })
  return /\d+\.\d+(\.\d+)*/.exec(text)?.[0] ?? 'unknown'
}
