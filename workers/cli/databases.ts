// The databases of wrangler.toml and the folders of their migrations.
import type { Env } from '../env.ts'

/** By the binding. */
export const migrationFolders = { DB: 'migrations', SHOP: 'migrations/shop' } as const satisfies Partial<
  Record<keyof Env, string>
>
