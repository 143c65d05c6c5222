/** `doctor`: looks at everything that has to be well, and says what is not and what to do about it. */
import type { Command } from 'commander'
import { z } from 'zod'
import { agents, clusters, freezes, ready, releases, token, webhooks } from '../answers.ts'
import { isClearText } from '../contexts.ts'
import { Failure } from '../failure.ts'
import type { Paint } from '../paint.ts'
import type { Session } from '../session.ts'
import { durationWords } from '../times.ts'

interface Finding {
  readonly check: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly detail: string
  readonly fix: string | null
}

const ok = (check: string, detail: string): Finding => ({ check, state: 'ok', detail, fix: null })
const warn = (check: string, detail: string, fix: string): Finding => ({
  check,
  state: 'warn',
  detail,
  fix,
})
const fail = (check: string, detail: string, fix: string): Finding => ({
  ...warn(check, detail, fix),
  state: 'fail',
})

export function doctorNoun(program: Command, session: Session): void {
  program
    .command('doctor')
    .description(
      'look at the login, control, agents, releases, freezes and webhooks; 1 when one is not well',
    )
    .action(async () => {
      const findings: Finding[] = []
      for (const [check, look] of Object.entries(checks)) {
        const found = await look(session).catch((error: unknown) => refused(check, error))
        findings.push(...found)
        // Without a control that answers, and a token, nothing else can be looked at.
        if (/^(control|token)$/.test(check) && found.some(({ state }) => state === 'fail')) break
      }
      const colours: Readonly<Record<string, Paint>> = { ok: 'green', warn: 'yellow', fail: 'red' }
      session.rows(
        { findings },
        findings,
        [
          { title: '', cell: ({ state }) => state, paint: (state) => colours[state] ?? null },
          { title: 'CHECK', cell: ({ check }) => check, paint: () => 'bold' },
          { title: 'FOUND', cell: ({ detail }) => detail },
        ],
        '',
      )
      for (const { state, check, fix } of findings) {
        if (state !== 'ok') session.say(`${check}: ${fix}`)
      }
      const failed = findings.filter(({ state }) => state === 'fail')
      if (failed.length === 0) return
      const names = [...new Set(failed.map(({ check }) => check))].join(', ')
      throw new Failure({ ending: 'failed', what: `not well: ${names}` })
    })
}

function refused(check: string, error: unknown): Finding[] {
  if (!(error instanceof Failure)) throw error
  const { ending, what, fix } = error.parts
  if (ending === 'forbidden' && check !== 'token') {
    return [warn(check, 'this token may not look', 'Look with the token of an admin.')]
  }
  return [fail(check, what, fix ?? 'See the message.')]
}

const soonMs = 7 * 86_400_000
const skewedMs = 5_000

const checks: Readonly<Record<string, (session: Session) => Promise<Finding[]>>> = {
  async login({ target }) {
    const { url, source } = target
    return isClearText(url)
      ? [warn('login', `${url}, from ${source}: in clear text`, 'Put TLS in front of control.')]
      : [ok('login', `${url}, from ${source}`)]
  },
  async control(session) {
    const { revision, warnings = [] } = await session.read(ready, '/readyz')
    const soon = warnings.map(({ detail, fix }) => warn('control', detail, fix))
    const { transport } = await session.read(z.object({ transport: z.string() }), '/readyz')
    return transport === 'connected'
      ? [ok('control', `ready, revision ${revision}`), ...soon]
      : [fail('control', 'the transport to the agents is away', 'Start NATS, or look at its log.')]
  },
  async clock(session) {
    const response = await session.client.open('/livez', {}, session.desk.interrupted)
    await response.body?.cancel()
    const said = Date.parse(response.headers.get('date') ?? '')
    const offMs = Math.abs(session.desk.nowMs() - said)
    if (Number.isNaN(said) || offMs < skewedMs) return [ok('clock', 'as that of control')]
    const words = `${durationWords(offMs)} apart from that of control`
    return [warn('clock', words, 'Set the clock here or there: ages and --at are read by it.')]
  },
  async token(session) {
    const { name, scopes, expiresAtMs } = await session.read(token, '/v1/tokens/self')
    const restMs = expiresAtMs === null ? null : expiresAtMs - session.desk.nowMs()
    const words = `${name}: ${scopes.join(', ')}`
    return restMs !== null && restMs < soonMs
      ? [warn('token', `${words}; ends in ${durationWords(restMs)}`, 'Make a new one in time.')]
      : [ok('token', words)]
  },
  async agents(session) {
    const { clusters: all } = await session.read(clusters, '/v1/clusters')
    const findings: Finding[] = []
    for (const { cluster } of all) {
      const check = `agents of ${cluster}`
      const { agents: here } = await session.read(agents, `/v1/clusters/${cluster}/agents`)
      const unwell = here.filter(({ condition }) => condition !== 'current')
      for (const { agent, condition, reason } of unwell) {
        const words = `${agent} is ${condition}${reason ? `: ${reason}` : ''}`
        const passing = condition === 'behind' || condition === 'unseen'
        findings.push(
          (passing ? warn : fail)(check, words, `switchyard agent show ${cluster} ${agent}`),
        )
      }
      if (here.length === 0)
        findings.push(warn(check, 'none is enrolled', 'See docs/operating.md.'))
      else if (unwell.length === 0) findings.push(ok(check, `all ${here.length} are current`))
    }
    return findings
  },
  async releases(session) {
    const { releases: all } = await session.read(releases, '/v1/releases')
    const troubled = all.filter(
      ({ agents: asked, phase, status, rolling }) =>
        status.startsWith('live except') ||
        /incomplete/.test(status) ||
        (phase !== 'decommissioned' && asked.some(({ state }) => state === 'refused')) ||
        rolling?.some(({ stalled }) => stalled !== null),
    )
    const waits = all.flatMap((one) =>
      one.waiting && !troubled.includes(one) ? [{ id: one.id, ...one.waiting }] : [],
    )
    return [
      ...(troubled.length === 0 ? [ok('releases', 'none is in trouble')] : []),
      ...troubled.map(({ id, status }) =>
        fail('releases', `${id}: ${status}`, `switchyard release show ${id}`),
      ),
      ...waits.map(({ id, message }) =>
        warn('releases', `${id} waits: ${message}`, `switchyard release show ${id}`),
      ),
      ...all.flatMap(({ id, troubles, waiting }) =>
        troubles
          .filter((one) => !waiting?.message.includes(one))
          .map((one) => warn('releases', `${id}: ${one}`, `switchyard release show ${id}`)),
      ),
    ]
  },
  async freezes(session) {
    const { freezes: all } = await session.read(freezes, '/v1/freezes')
    const holding = all.filter(({ active }) => active)
    if (holding.length === 0) return [ok('freezes', 'none holds')]
    return holding.map(({ name, until, reason }) =>
      warn('freezes', `${name} until ${until}: ${reason}`, `switchyard freeze lift ${name}`),
    )
  },
  async webhooks(session) {
    const { webhooks: all } = await session.read(webhooks, '/v1/webhooks')
    const failing = all.filter(({ state }) => state === 'failing')
    if (failing.length === 0) return [ok('webhooks', `${all.length}, none is failing`)]
    return failing.map(({ name, last }) =>
      warn('webhooks', `${name}: ${last?.reason ?? 'failing'}`, `switchyard webhook test ${name}`),
    )
  },
}
