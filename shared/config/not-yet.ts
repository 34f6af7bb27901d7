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

const oneOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value)

export const notYet: readonly NotYet[] = [
  { field: 'pools.*.hashOn', when: oneOf('session'), meanwhile: 'the address of the client is hashed until then' },
  { field: 'routes.*.session', when: oneOf(true), meanwhile: 'requests carry no session until then' },
]
