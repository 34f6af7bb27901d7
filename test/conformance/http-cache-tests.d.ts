// What is used of the HTTP cache test suite, which brings no types.
declare module 'http-cache-tests/client/runner.mjs' {
  import type { Group } from 'http-cache-tests/tests/index.mjs'

  export function runTests(
    groups: readonly Group[],
    fetch: unknown,
    isBrowserCache: boolean,
    baseUrl: string,
  ): Promise<void>

  /** By the id of the test: true, or the kind of the failure and what it says. */
  export function getResults(): Readonly<Record<string, true | readonly [kind: string, message: string]>>
}

declare module 'http-cache-tests/client/test.mjs' {
  import type { Test } from 'http-cache-tests/tests/index.mjs'

  /** Runs it, with what was said to `runTests` last. */
  export function makeCacheTest(test: Test): Promise<void>

  /** What `getResults` gives. */
  export const testResults: Record<string, true | readonly [kind: string, message: string]>
}

declare module 'http-cache-tests/tests/index.mjs' {
  export interface Test {
    readonly id: string
    readonly name: string
    /** Absent: required. */
    readonly kind?: 'required' | 'optimal' | 'check'
    readonly browser_only?: boolean
  }

  export interface Group {
    readonly name: string
    readonly tests: readonly Test[]
  }

  const groups: readonly Group[]
  export default groups
}

declare module 'http-cache-tests/tests/surrogate-control.mjs' {
  import type { Group } from 'http-cache-tests/tests/index.mjs'

  const group: Group
  export default group
}
