// The objects of users, one for each.
import type { Named, SessionIndexObject } from '../env.ts'
import type { SessionIndexPort } from '../ports/session-port.ts'
import { within } from '../within.ts'

const listPatienceMs = 5_000
const revokePatienceMs = 10_000

export function objectSessionIndex(users: Named<SessionIndexObject>): SessionIndexPort {
  return {
    list: (user, before) => within(listPatienceMs, async () => users.getByName(user).list(user, before)),
    revoke: (user) => within(revokePatienceMs, () => revokeAll(users, user)),
  }
}

/** One call ends as many as one call may. */
async function revokeAll(users: Named<SessionIndexObject>, user: string): Promise<number> {
  let all = 0
  for (;;) {
    const { revoked, left } = await users.getByName(user).revoke(user)
    all += revoked
    if (left === 0) return all
  }
}
