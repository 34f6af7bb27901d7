// The databases of wrangler.toml and the folders of their migrations.
import type { Env } from '../env.ts'

/** By the binding. */
export const migrationFolders = {
  DB: 'migrations',
  SHOP: 'migrations/shop',
  ORDERS_0: 'migrations/orders',
  ORDERS_1: 'migrations/orders',
} as const satisfies Partial<Record<keyof Env, string>>
