/** The message up, over every transport: what is taken, and what is refused by which code. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { limits } from '#wire/limits.ts'
import { generateKey } from '#wire/signature.ts'
import { emptyTree } from '#wire/tree.ts'
import type { Session } from '../../agent/pilot/session/session.ts'
import { until } from '../../deploy/local/until.ts'
import { type ControlSide, makeKeys, openControlSide } from './control-side.ts'
import { makeAgent, reportOf, sealReport, type TestAgent } from './reports.ts'
import type { Rig } from './rig.ts'
import { createHistory, firstEpoch } from './trees.ts'

const cluster = 'eu-1'

export function reportCases(name: string, open: () => Promise<Rig>): void {
  describe(`reports over ${name}`, () => {
    let rig: Rig
    let control: ControlSide
    let session: Session
    let a: TestAgent
    let b: TestAgent

    beforeEach(async () => {
      rig = await open()
      a = await makeAgent(cluster, 'eu-1-a')
      b = await makeAgent(cluster, 'eu-1-b')
      control = await openControl()
      session = rig.session(cluster, 'eu-1-a')
    })
    afterEach(async () => {
      await session.close()
      await control.stop()
      await rig.close()
    })
    const openControl = async (): Promise<ControlSide> =>
      openControlSide({
        transport: await rig.transport(),
        keys: await makeKeys(),
        publications: new Map([[cluster, createHistory(emptyTree).newest()]]),
        enrolled: { [cluster]: [a.enrolled, b.enrolled] },
      })
    /** Over `http` a refusal is also the answer; over NATS the stream takes the bytes, control does not. */
    const send = (bytes: Uint8Array) =>
      session.report(bytes, AbortSignal.timeout(5_000)).then(
        () => 'taken',
        (error: unknown) => String(error),
      )
    const taken = (count: number) =>
      until(
        'reports are taken',
        () => control.reports.length,
        (seen) => seen === count,
      )

    test('a sealed report of an enrolled agent arrives whole', async () => {
      const report = reportOf(a, 1, { inUse: { 'shop-r1': 3 } })
      expect(await send(await sealReport(report, a.key))).toBe('taken')
      await taken(1)
      expect(control.reports).toEqual([report])
      expect(control.refused).toEqual([])
    })

    test('the same report once more is nothing new', async () => {
      const bytes = await sealReport(reportOf(a, 1), a.key)
      await send(bytes)
      expect(await send(bytes)).toBe('taken')
      await send(await sealReport(reportOf(a, 2), a.key))
      await taken(2)
      expect(control.refused).toEqual([])
    })

    const bad: readonly [string, string, () => Promise<Uint8Array>][] = [
      ['a report that is not JSON', 'malformed', async () => new TextEncoder().encode('{')],
      ['a report without a seal', 'malformed', async () => new TextEncoder().encode('{}')],
      ['a sealed text that is not a report', 'malformed', () => sealReport({ agent: 'x' }, a.key)],
      [
        'a key that nobody enrolled',
        'unknown-key',
        async () => sealReport(reportOf(a, 5), (await generateKey()).key),
      ],
      [
        'a forged seal',
        'bad-signature',
        async () => {
          const honest = JSON.parse(
            new TextDecoder().decode(await sealReport(reportOf(a, 5), a.key)),
          )
          const other = JSON.parse(
            new TextDecoder().decode(await sealReport(reportOf(a, 6), a.key)),
          )
          return new TextEncoder().encode(JSON.stringify({ ...honest, signature: other.signature }))
        },
      ],
      [
        'a report for another cluster',
        'foreign-cluster',
        () => sealReport(reportOf({ cluster: 'us-1', agent: 'eu-1-a' }, 5), a.key),
      ],
      ["another agent's report", 'foreign-agent', () => sealReport(reportOf(b, 5), a.key)],
      ['a replayed report', 'older', () => sealReport(reportOf(a, 1), a.key)],
      [
        'a report of a former life',
        'older',
        () => sealReport(reportOf(a, 9, { instance: '00000000000000f0', startedAtMs: 999 }), a.key),
      ],
    ]
    test.each(bad)('%s is refused as %s', async (_, code, make) => {
      await send(await sealReport(reportOf(a, 2), a.key))
      await taken(1)
      const answer = await send(await make())
      if (rig.name === 'http') expect(answer).toContain(code === 'older' ? 'taken' : code)
      await until(
        'it is refused',
        () => control.refused,
        (refused) => refused.length === 1,
      )
      expect(control.refused).toEqual([code])
      expect(control.reports).toHaveLength(1)
    })

    test('at the size limit a report is read, one byte past it is refused', async () => {
      const sealed = await sealReport(reportOf(a, 1), a.key)
      const padded = (length: number) => {
        const bytes = new Uint8Array(length).fill(32)
        bytes.set(sealed)
        return bytes
      }
      await send(padded(limits.reportBytes))
      await taken(1)
      const answer = await send(padded(limits.reportBytes + 1))
      if (rig.name === 'http') expect(answer).toContain('oversize')
      else
        await until(
          'it is refused',
          () => control.refused,
          (refused) => refused.includes('oversize'),
        )
      expect(control.reports).toHaveLength(1)
    })

    test('an agent that is ahead of the log stops the publisher', async () => {
      await send(await sealReport(reportOf(a, 1, { revision: 7 }), a.key))
      await until(
        'it is noticed',
        () => control.ahead,
        (ahead) => ahead.length === 1,
      )
      expect(control.ahead[0]).toMatchObject({
        cluster,
        kind: 'newer',
        seenIn: 'report',
        revision: 7,
      })
      await send(
        await sealReport(
          reportOf(a, 2, { epoch: { ...firstEpoch, id: 'ffffffffffffffff' } }),
          a.key,
        ),
      )
      await taken(2)
      await control.publisher.publish(cluster, { ...createHistory().newest(), revision: 3 })
      expect(control.publisher.progress().get(cluster)?.published).not.toBe(3)
    })

    if (name === 'nats')
      test('a restarted control reads the newest report of each agent', async () => {
        for (const sequence of [1, 2, 3]) {
          await send(await sealReport(reportOf(a, sequence), a.key))
          await send(await sealReport(reportOf(a, sequence), a.key))
        }
        await taken(3)
        await control.stop()
        control = await openControl()
        expect(control.reports.map(({ agent, sequence }) => [agent, sequence])).toEqual([
          ['eu-1-a', 3],
        ])
      })
  })
}
