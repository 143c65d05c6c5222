/**
 * Exchanges that stay open while traffic moves: a response that streams for a while, and a WebSocket; and
 * a plain one.
 * The demo and the story hold them across a switch to show that nothing established is cut.
 */
import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { WebSocket } from 'ws'
import type { Target } from '../../bench/load/plan.ts'

export interface OpenStream {
  readonly version: string
  /** `x-pod` of the answer; empty when it has none. */
  readonly pod: string
  /** The whole body has arrived: its length and whether its digest is the promised one. */
  readonly finished: Promise<{ readonly bytes: number; readonly whole: boolean }>
}

/** A response that takes `ms` to stream; resolves with its head. */
export function openStream(target: Target, authority: string, ms: number): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const path = `/slow?ms=${ms}&bytes=300000`
    const { host, port } = target
    const asked = request({ host, port, path, agent: false, headers: { host: authority } })
    asked.on('error', reject)
    asked.on('response', (answer) => {
      const hash = createHash('sha256')
      let bytes = 0
      const finished = new Promise<{ bytes: number; whole: boolean }>((done, failed) => {
        answer.on('data', (chunk: Buffer) => {
          hash.update(chunk)
          bytes += chunk.length
        })
        answer.on('error', failed)
        answer.on('end', () =>
          done({
            bytes,
            whole: answer.complete && hash.digest('hex') === answer.headers['x-body-sha256'],
          }),
        )
      })
      finished.catch(() => {})
      const { 'x-version': version, 'x-pod': pod = '' } = answer.headers
      resolve({ version: String(version), pod: String(pod), finished })
    })
    asked.end()
  })
}

/** The version that answers one GET with these headers; empty when it has not answered with 200. */
export function askVersion(
  target: Target,
  authority: string,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { host, port } = target
    const asked = request(
      { host, port, path: '/', agent: false, headers: { ...headers, host: authority } },
      (answer) => {
        answer.resume()
        answer.on('error', reject)
        answer.on('end', () =>
          resolve(answer.statusCode === 200 ? String(answer.headers['x-version']) : ''),
        )
      },
    )
    asked.on('error', reject)
    asked.setTimeout(5_000, () => asked.destroy(new Error('no answer in 5 s')))
    asked.end()
  })
}

export interface OpenTunnel {
  say(text: string): Promise<string>
  /** Closes and resolves with the close code. */
  close(): Promise<number>
  readonly closed: Promise<number>
}

export async function openTunnel(target: Target, authority: string): Promise<OpenTunnel> {
  const socket = new WebSocket(`ws://${target.host}:${target.port}/ws`, {
    headers: { host: authority },
  })
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => {})
  return {
    closed,
    say(text) {
      return new Promise((resolve, reject) => {
        const bound = setTimeout(() => reject(new Error('no echo in 5 s')), 5_000)
        socket.once('message', (data) => {
          clearTimeout(bound)
          resolve(String(data))
        })
        socket.send(text)
      })
    },
    close() {
      socket.close()
      return closed
    },
  }
}
