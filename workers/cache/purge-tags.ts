// What the gateway's own services have changed: nobody gets any more what was stored under these tags.
import { type Configuration, type ConfigurationSources, publish } from '../configuration.ts'
import { within } from '../within.ts'

export interface PurgeServices {
  readonly configuration: Configuration
  readonly sources: ConfigurationSources
  readonly now: () => number
}

/**
 * In force in this isolate when it resolves, and everywhere as soon as a configuration would be. At most `patienceMs` for each
 * of the two stores. False where the purge could not be written: then it is in force nowhere.
 */
export async function purgeTags(
  services: PurgeServices,
  tags: readonly string[],
  patienceMs: number,
): Promise<boolean> {
  const { configuration, sources, now } = services
  const targets = tags.map((value) => ({ kind: 'tag', value, soft: false }) as const)
  const purges = await within(patienceMs, () => sources.purges.append(targets, now()))
  if (purges === undefined) return false
  configuration.adoptPurges(purges)
  await publish(sources, patienceMs)
  return true
}
