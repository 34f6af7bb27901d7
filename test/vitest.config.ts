// Two projects: what runs in plain Node (the pure core, the commands, end to end with real origins, the public HTTP
// cache tests), and what runs inside workerd (the Worker's own parts).
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

const root = new URL('..', import.meta.url).pathname

export default defineConfig({
  root,
  test: {
    // Much of the time is spent on waiting.
    maxWorkers: 3,
    projects: [
      {
        root,
        test: {
          name: 'core',
          include: ['test/*.test.ts', 'test/{shared,db,e2e,conformance}/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        root,
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: {
                MIGRATIONS: await readD1Migrations('./migrations'),
                SHOP_MIGRATIONS: await readD1Migrations('./migrations/shop'),
                ORDERS_MIGRATIONS: await readD1Migrations('./migrations/orders'),
              },
            },
          })),
        ],
        test: { name: 'workers', include: ['test/workers/**/*.test.ts'] },
      },
    ],
  },
})
