// Fields that are part of the contract but have no effect in this version. Whoever writes one of them gets
// the notice; defaults get none. When something gets built, its line goes.

export type NotYet = {
  /** Where, with `*` for any pool or route. */
  readonly field: string
  /** Which written values have no effect. */
  readonly when: (value: unknown) => boolean
  /** What happens instead. */
  readonly meanwhile: string
}

const always = (): boolean => true
const oneOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value)

const POLICIES = oneOf('least-request', 'peak-ewma', 'hash')

export const notYet: readonly NotYet[] = [
  { field: 'pools.*.policy', when: POLICIES, meanwhile: 'origins are taken by weighted round robin until then' },
  { field: 'pools.*.hashOn', when: always, meanwhile: 'nothing is hashed until then' },
  { field: 'pools.*.hedge', when: always, meanwhile: 'no second attempt starts early until then' },
  { field: 'pools.*.monitor', when: always, meanwhile: 'origins are not probed until then' },
  { field: 'pools.*.ejection', when: always, meanwhile: 'no origin is ejected until then' },
  {
    field: 'pools.*.panicPercent',
    when: always,
    meanwhile: 'all origins that are not off count as healthy until then',
  },
  { field: 'pools.*.retry.budgetPercent', when: always, meanwhile: 'only "tries" limits retries until then' },
  { field: 'routes.*.session', when: oneOf(true), meanwhile: 'requests carry no session until then' },
]
