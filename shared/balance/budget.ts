// How many more attempts than requests may a pool get? Each request earns a part of an attempt, and one that was worth it
// is given back: so a pool that fails is not asked more and more (at 20 percent, 1.2 attempts a request), and one of which
// a part fails loses nothing. What is earned fades within seconds: a burst of failures is met by what the traffic of a
// moment has earned, and by no more; but for attempts at an origin that answers well, which cost nothing until they fail,
// however many of them are under way. What is spare is for little traffic, not for a pool that is known to fail: of a
// thousand isolates each has its own.

export interface Budget {
  /** Attempts, whole ones and parts. */
  readonly earned: number
  /** For pools with little traffic, which would earn one too slowly: a few, and in time a few more. */
  readonly spare: number
  /** The most that are spare, as at the start; they come again within half a minute. */
  readonly most: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

const fadesMs = 2000
const sparesMs = 30_000

export function startBudget(spare: number): Budget {
  return { earned: 0, spare, most: spare, at: 0 }
}

/** A request has come, of which `percent` earns an attempt. */
export function earned(budget: Budget, percent: number, at: number): Budget {
  const now = passed(budget, at)
  return { ...now, earned: now.earned + percent / 100 }
}

/** What is left after one more attempt; undefined where there is none to be had. `maySpare`: the spare ones may be used. */
export function spent(budget: Budget, at: number, maySpare = true): Budget | undefined {
  const now = passed(budget, at)
  if (now.earned >= 1) return { ...now, earned: now.earned - 1 }
  return maySpare && now.spare >= 1 ? { ...now, spare: now.spare - 1 } : undefined
}

/** What is left after one that was not spent, and that came to nothing: it may be less than nothing, for a moment. */
export function owed(budget: Budget, at: number): Budget {
  const now = passed(budget, at)
  return spent(now, at) ?? { ...now, earned: now.earned - 1 }
}

/** An attempt that was spent has come to something. */
export function givenBack(budget: Budget): Budget {
  return { ...budget, earned: budget.earned + 1 }
}

function passed({ earned, spare, most, at }: Budget, now: number): Budget {
  const ms = Math.max(0, now - at)
  return {
    earned: earned * Math.exp(-ms / fadesMs),
    spare: Math.min(most, spare + (ms * most) / sparesMs),
    most,
    at: Math.max(at, now),
  }
}
