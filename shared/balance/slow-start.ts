// An origin that is back gets its share little by little: its caches are cold, and what ended it may end it again.

const windowMs = 30_000
const least = 0.1

/** The part of its weight that counts at `at`. `recoveredAt` is when it came back, undefined where it never was away. */
export function slowStart(recoveredAt: number | undefined, at: number): number {
  if (recoveredAt === undefined) return 1
  return Math.min(1, Math.max(least, (at - recoveredAt) / windowMs))
}
