// The databases of wrangler.toml and the folders of their migrations.

const folders: Readonly<Record<string, string>> = { DB: 'migrations', SHOP: 'migrations/shop' }

/** By its binding: of the gateway itself, of the shop, of each shard of the orders. Undefined for one of somebody's own. */
export function migrationFolder(binding: string): string | undefined {
  return /^ORDERS_\d+$/.test(binding) ? 'migrations/orders' : folders[binding]
}
