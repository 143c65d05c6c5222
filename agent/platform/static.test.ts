import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '#wire/limits.ts'
import type { TroubleReport } from '#wire/report.ts'
import type { Endpoints } from '../link.ts'
import { until } from '../pilot/fleet.fixture.ts'
import type { Platform } from './platform.ts'
import { createStaticPlatform } from './static.ts'

let folder: string
let file: string
let platform: Platform
let endpoints: Endpoints | null
let troubles: string[]
let reasons: readonly TroubleReport[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'swy-static-'))
  file = join(folder, 'addresses.json')
  endpoints = null
  troubles = []
  reasons = []
  platform = createStaticPlatform(file, 10)
})
afterEach(async () => {
  await platform.close()
  rmSync(folder, { recursive: true })
})

const write = (value: unknown) => writeFileSync(file, JSON.stringify(value))
const open = () =>
  platform.follow({
    onEndpoints(next) {
      endpoints = next
    },
    onReplacements: () => {
      throw new Error('a list of addresses replaces no copies')
    },
    onTroubles(next) {
      reasons = next
    },
    onTrouble: (text) => troubles.push(text),
  })
const backend = (release: string, version: string) => ({
  app: 'shop',
  release,
  version,
  platform: 'static' as const,
})
const ports = (release: string) => endpoints?.[release]?.map(({ port }) => port) ?? []

describe('a file of addresses', () => {
  it('gives each release the addresses of its version', () => {
    write({ shop: { '0.0.1': ['127.0.0.1:9001', '[::1]:9002'], '0.0.2': ['127.0.0.1:9003'] } })
    platform.setBackends([backend('shop-r1', '0.0.1'), backend('shop-r2', '0.0.2')], [])
    open()
    expect(endpoints?.['shop-r1']).toEqual([
      { address: '127.0.0.1', port: 9001 },
      { address: '::1', port: 9002 },
    ])
    expect(ports('shop-r2')).toEqual([9003])
    platform.setBackends([backend('shop-r3', '0.0.1'), backend('shop-r4', '0.0.9')], [])
    expect(ports('shop-r3')).toEqual([9001, 9002])
    expect(ports('shop-r4')).toEqual([])
  })

  it('says of which releases it has no address, until it has', async () => {
    write({ shop: { '0.0.1': ['127.0.0.1:9001'] } })
    platform.setBackends([backend('shop-r1', '0.0.1'), backend('shop-r2', '0.0.2')], [])
    open()
    const message = 'the list of addresses has none of shop 0.0.2: add them to the file'
    expect(reasons).toEqual([{ release: 'shop-r2', message }])
    write({ shop: { '0.0.1': ['127.0.0.1:9001'], '0.0.2': ['127.0.0.1:9002'] } })
    await until('no trouble', () => reasons.length === 0)
  })

  it('takes nothing away before the releases are known', () => {
    write({ shop: { '0.0.1': ['127.0.0.1:9001'] } })
    open()
    expect(endpoints).toBeNull()
    platform.setBackends([backend('shop-r1', '0.0.1')], [])
    expect(ports('shop-r1')).toEqual([9001])
  })

  it('leaves releases of other platforms alone', () => {
    write({ shop: { '0.0.1': ['127.0.0.1:9001'] } })
    platform.setBackends([{ ...backend('shop-r1', '0.0.1'), platform: 'local' }], [])
    open()
    expect(endpoints).toEqual({})
  })

  it('is followed, also when it is renamed over', async () => {
    write({ shop: { '0.0.1': ['127.0.0.1:9001'] } })
    platform.setBackends([backend('shop-r1', '0.0.1')], [])
    open()
    writeFileSync(`${file}.new`, JSON.stringify({ shop: { '0.0.1': ['127.0.0.1:9009'] } }))
    renameSync(`${file}.new`, file)
    await until('the new address', () => ports('shop-r1')[0] === 9009)
  })

  it.each([
    ['not JSON', '{', 'SyntaxError'],
    ['a name instead of an address', '{"shop":{"1":["shop.example:80"]}}', 'write an IP address'],
    ['no port', '{"shop":{"1":["127.0.0.1"]}}', 'write an IP address'],
    ['another form', '["127.0.0.1:9001"]', 'expected record'],
  ])('stays as it was while it is wrong: %s', async (_what, text, reason) => {
    write({ shop: { '0.0.1': ['127.0.0.1:9001'] } })
    platform.setBackends([backend('shop-r1', '0.0.1')], [])
    open()
    writeFileSync(file, text)
    await until('trouble', () => troubles.length > 0)
    expect(troubles[0]).toContain(reason)
    expect(ports('shop-r1')).toEqual([9001])
    write({ shop: { '0.0.1': ['127.0.0.1:9002'] } })
    await until('the mended file', () => ports('shop-r1')[0] === 9002)
    expect(troubles).toHaveLength(1)
  })

  it('takes as many addresses of a release as the limit says, and not one more', () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => `127.0.0.1:${n + 1}`)
    platform.setBackends([backend('shop-r1', '0.0.1')], [])
    write({ shop: { '0.0.1': many(limits.staticAddressesPerRelease) } })
    open()
    expect(ports('shop-r1')).toHaveLength(limits.staticAddressesPerRelease)
    write({ shop: { '0.0.1': many(limits.staticAddressesPerRelease + 1) } })
    return until('trouble', () => troubles.length === 1)
  })

  it('may come later than the agent', async () => {
    platform.setBackends([backend('shop-r1', '0.0.1')], [])
    open()
    expect(troubles).toHaveLength(1)
    write({ shop: { '0.0.1': ['127.0.0.1:9001'] } })
    await until('the address', () => ports('shop-r1')[0] === 9001)
  })
})
