/**
 * Every bound of the data path: sizes, counts and waits, each with its reason. Tests shorten them; the
 * defaults are what an operator gets.
 */
export const workerLimits = {
  /** Beyond this a new connection is answered 503; beyond the spare ones it is reset. */
  connectionsMax: 20_000,
  connectionsSpare: 1_000,
  /** Bytes that sockets may keep queued on the heap before new requests are answered 503. */
  queuedBytesMax: 268_435_456,
  /** http-rules 64. Bodies stream, so this bounds an exchange and not memory. */
  requestBodyBytesMax: 17_179_869_184,
  /** http-rules 45. */
  interimResponsesMax: 8,

  /** http-rules 63: a head has this long from its first byte, a new connection for its first head. */
  headMs: 10_000,
  /** Longer than the 60 s of common load balancers in front. */
  idleMs: 75_000,
  /** http-rules 63: a request body must move by the minimum in each window. */
  bodyWindowMs: 5_000,
  bodyWindowBytesMin: 1_200,
  /** http-rules 44. */
  expectMs: 1_000,
  connectMs: 3_000,
  responseHeadMs: 15_000,
  /** Between two reads of a response body: long enough for sparse event streams. */
  responseIdleMs: 300_000,
  /** A client that takes none of what is queued for it. */
  writeStallMs: 120_000,
  tunnelIdleMs: 3_600_000,
  /** TCP keep-alive on both sides of a tunnel: finds peers that are gone without a word. */
  tunnelKeepAliveMs: 60_000,
  /** http-rules, "close": read on for so long and so much, so that the client can read the answer. */
  lingerMs: 2_000,
  lingerBytesMax: 65_536,

  /** Endpoints tried for one request whose connection attempts fail, most of them at once (http-rules 51). */
  connectAttemptsMax: 12,
  /** Looks for an endpoint that is not passed over: with many, each is met several times. */
  endpointLooksMax: 256,
  /** Of the attempts, those that nobody answers in time. */
  connectTimeoutsMax: 3,
  /** http-rules 51: the share of requests that may be repeated, and how many a quiet worker may. */
  repeatShare: 0.2,
  repeatReserve: 50,
  /** A refused endpoint is passed over for this long when its release has another. */
  ejectMs: 1_000,
  /** Below the 5 s after which a Node server closes an idle connection. */
  upstreamIdleMs: 4_000,
  upstreamIdlePerEndpointMax: 1_024,
  /** http-rules 50: what may not be repeated takes a connection that answered this recently. */
  provenAliveMs: 250,

  /** Drain: not ready for this long, then no more accepting, then idle connections are closed. */
  drainNotReadyMs: 500,
  drainIdleMs: 2_500,
  drainTimeoutMs: 20_000,
  /** Exchanges of a release past its drain deadline are closed spread over this window. */
  closeWindowMs: 1_000,

  /** How coarse every wait above is. */
  sweepMs: 100,
} as const

export type WorkerLimits = { readonly [Name in keyof typeof workerLimits]: number }
