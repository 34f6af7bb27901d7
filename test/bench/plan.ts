// What is to be measured, and for how long, as the command line says.
import { parseArgs } from 'node:util'
import type { CrowdsPlan } from './crowds.ts'

export interface Plan {
  readonly rounds: number
  /** Of one burst. */
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Names of contestants, or `crowds`; empty: all. */
  readonly only: readonly string[]
  readonly crowds: CrowdsPlan | undefined
}

export const usageOf = (
  names: readonly string[],
): string => `Usage: npm run bench [-- --rounds N --seconds S --only NAME… | --short]
       --rounds: bursts of each, 15 where nothing is said; --seconds: of one burst, 1
       --only: one of them, may be given several times:
         ${names.join(' · ')}
       --short: 3 rounds of 0.5 s, and smaller crowds`

/** `names` are what there is to measure. Throws an error for people where it makes no sense. */
export function readPlan(args: readonly string[], names: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      short: { type: 'boolean', default: false },
    },
  })
  const { only, short } = values
  const rounds = Number(values.rounds ?? (short ? 3 : 15))
  const seconds = Number(values.seconds ?? (short ? 0.5 : 1))
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new Error(`--rounds takes a whole number, not ${values.rounds}.`)
  if (!(Number.isFinite(seconds) && seconds > 0)) throw new Error(`--seconds takes a number, not ${values.seconds}.`)
  const unknown = only.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`--only takes the name of what is measured, not ${unknown}.`)
  const crowds = short ? { sizes: [1, 10, 200], rounds: 2 } : { sizes: [1, 10, 200, 2000], rounds: 3 }
  return {
    rounds,
    seconds,
    warmUpSeconds: short ? 0.5 : 2,
    only,
    crowds: only.length === 0 || only.includes('crowds') ? crowds : undefined,
  }
}
