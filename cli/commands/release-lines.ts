/** A release as it is printed once. */
import type { Release } from '../answers.ts'
import { frameOf } from '../live/frame.ts'
import type { Session } from '../session.ts'

export const releaseLines = (session: Session, release: Release): string[] =>
  frameOf(release, {
    window: session.desk.out.columns(),
    paint: session.paint,
    nowMs: session.desk.nowMs(),
  })
