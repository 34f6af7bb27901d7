// What is used of autocannon, which brings no types.
declare module 'autocannon' {
  export interface Options {
    readonly url: string
    readonly connections: number
    /** In seconds; fractions are fine. */
    readonly duration: number
    /** How often it looks at the clock, in milliseconds. */
    readonly sampleInt: number
    /** Puts a new id for every request where the URL says `[<id>]`. */
    readonly idReplacement: boolean
  }

  export interface Result {
    /** In seconds, as it was. */
    readonly duration: number
    readonly '2xx': number
    readonly non2xx: number
    readonly errors: number
  }

  export default function autocannon(options: Options): Promise<Result>
}
