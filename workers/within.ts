// A bound on waiting: the platform's stores and origins may be slow, throw or hang, and a request must not wait.

/** How long a request waits for a Cache API, KV or D1 call, in milliseconds. */
export const storePatienceMs = 250

export const late = Symbol('late')

/** What becomes of the timer when the call is in time: left alone it ends with the request. */
export type Timer = 'cleared' | 'left'

/** What the promise gives, or `late` after `ms` milliseconds. Rejects as the promise does. */
export function orLate<T>(ms: number, promise: Promise<T>, then: Timer = 'cleared'): Promise<T | typeof late> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, late)
    if (then === 'left') {
      promise.then(resolve, reject)
      return
    }
    const inTime = <Value>(settle: (value: Value) => void) => {
      return (value: Value) => {
        clearTimeout(timer)
        settle(value)
      }
    }
    promise.then(inTime(resolve), inTime(reject))
  })
}

/** What a call to a store gave, or undefined if it failed or took longer than `ms`. Its late result is ignored. */
export async function within<T>(ms: number, call: () => Promise<T>, then?: Timer): Promise<T | undefined> {
  try {
    const result = await orLate(ms, call(), then)
    if (result !== late) return result
    console.warn(`A store did not answer within ${ms} ms.`)
  } catch (error) {
    console.warn('A store failed:', error)
  }
  return undefined
}
