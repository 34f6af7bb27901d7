// Four projects: the pure core, in plain Node; what goes over the wire (the commands, end to end with real origins, the
// public HTTP cache tests); and what runs inside workerd, the Worker's own parts and what needs stores of its own.
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

const root = new URL('..', import.meta.url).pathname

/** A machine may be busy. */
const patience = { testTimeout: 30_000, hookTimeout: 30_000 }

/**
 * They go through the life of an isolate that has nothing at first, or ask Durable Objects: what is under way there when a
 * file ends may reach into the next one.
 */
const needWorkerdOfTheirOwn = [
  'test/workers/{index,state}.test.ts',
  'test/workers/{client,durable,jobs,shop,db}/**/*.test.ts',
]

const inWorkerd = () =>
  cloudflareTest(async () => ({
    wrangler: { configPath: './wrangler.toml' },
    miniflare: {
      d1Databases: { EMPTY: 'empty' },
      bindings: {
        MIGRATIONS: await readD1Migrations('./migrations'),
        SHOP_MIGRATIONS: await readD1Migrations('./migrations/shop'),
        ORDERS_MIGRATIONS: await readD1Migrations('./migrations/orders'),
      },
    },
  }))

export default defineConfig({
  root,
  test: {
    // Much of the time is spent on waiting.
    maxWorkers: 4,
    projects: [
      {
        root,
        test: {
          name: 'core',
          include: ['test/*.test.ts', 'test/{shared,db,bench}/**/*.test.ts'],
          // Functions that keep nothing: a new process for each file would cost more than the tests.
          isolate: false,
          ...patience,
        },
      },
      {
        root,
        test: {
          name: 'wire',
          include: ['test/{e2e,conformance}/**/*.test.ts'],
          // Each file starts a gateway of its own.
          isolate: false,
          ...patience,
        },
      },
      {
        root,
        plugins: [inWorkerd()],
        test: {
          name: 'workers',
          include: ['test/workers/**/*.test.ts'],
          exclude: needWorkerdOfTheirOwn,
          // One workerd for many files: to start one for each takes longer than the tests.
          isolate: false,
          ...patience,
        },
      },
      {
        root,
        plugins: [inWorkerd()],
        test: {
          name: 'stores',
          include: needWorkerdOfTheirOwn,
          ...patience,
        },
      },
    ],
  },
})
