// The catalog and the search: what is listed is read, found, changed by its seller alone, and purged.
import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { newId } from '../../../workers/shop/new-id.ts'
import { migrateShop, type ShopClient, shopUnderTest } from '../support/shop.ts'

const shop = shopUnderTest()
const boat = { title: 'A small boat', place: 'Otter Bend', description: 'It floats, mostly.', price: 12_500 }

const seller: ShopClient = shop.client()

beforeAll(async () => {
  await migrateShop()
  await seller.register()
})
beforeEach(() => {
  shop.purged.length = 0
})

interface Item {
  id: string
  version: number
  stock: number
}

async function listed(more: object = {}): Promise<Item> {
  const response = await seller.ask('catalog', 'POST', '/api/items', { ...boat, ...more })
  expect(response.status).toBe(201)
  return response.json()
}

const foundItems = async (q: string): Promise<Item[]> => {
  const response = await shop.client().ask('search', 'GET', `/api/search?q=${encodeURIComponent(q)}`)
  return (await response.json<{ items: Item[] }>()).items
}

const found = async (q: string): Promise<string[]> => (await foundItems(q)).map(({ id }) => id)

const read = (id: string, headers = {}) => shop.client().ask('catalog', 'GET', `/api/items/${id}`, undefined, headers)

test('what is listed can be read by everybody, and kept', async () => {
  const { id } = await listed()
  const response = await read(id)
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'cache-control': 'public, max-age=0, s-maxage=300, stale-while-revalidate=1200',
    'cache-tag': `item:${id}`,
    etag: '"v1"',
  })
  expect(response.headers.has('set-cookie')).toBe(false)
  expect(await response.json()).toMatchObject({ ...boat, id, currency: 'GBP', stock: 1, picture: null })
  expect(shop.purged).toEqual(['items', `item:${id}`])
})

describe('the picture of an item', () => {
  const removed: string[] = []
  let isAway = false
  let meanwhile: () => Promise<unknown> = async () => undefined
  const pictures = {
    put: async () => new Response(null, { status: 201 }),
    async remove(_: string, path: string) {
      await meanwhile()
      if (isAway) return new Response(null, { status: 503 })
      removed.push(path)
      return new Response(null, { status: 204 })
    },
  }
  const gallery = shopUnderTest({ pictures })
  const client = gallery.client()
  const show = async (picture: string) => {
    const { id } = await (await client.ask('catalog', 'POST', '/api/items', { ...boat, picture })).json<Item>()
    return `/api/items/${id}`
  }
  const kept = () => `/_weir/media/items/${newId()}`
  const pathOf = (picture: string) => picture.slice('/_weir/media/'.length)

  beforeAll(() => client.register())
  beforeEach(() => {
    removed.length = 0
    isAway = false
    meanwhile = async () => undefined
    vi.spyOn(console, 'warn').mockReturnValue()
  })

  it('goes with the item, and where it gets another one', async () => {
    const [first, second] = [kept(), kept()]
    const item = await show(first)
    await client.ask('catalog', 'PATCH', item, { price: 100, picture: first })
    expect(removed).toEqual([])
    expect((await client.ask('catalog', 'PATCH', item, { picture: second })).status).toBe(200)
    expect(removed).toEqual([pathOf(first)])
    expect((await client.ask('catalog', 'DELETE', item)).status).toBe(204)
    expect(removed).toEqual([pathOf(first), pathOf(second)])
  })

  it('stays where another item shows it, and where the shop has not put it there', async () => {
    const picture = kept()
    const [one, other] = [await show(picture), await show(picture)]
    await client.ask('catalog', 'DELETE', one)
    await client.ask('catalog', 'DELETE', await show('/_weir/media/logo.png'))
    expect(removed).toEqual([])
    await client.ask('catalog', 'DELETE', other)
    expect(removed).toEqual([pathOf(picture)])
  })

  it('is shown by no item that comes while it is being removed', async () => {
    const picture = kept()
    const [gone, changed] = [await show(picture), await show(kept())]
    const shown: unknown[] = []
    const note = async (asked: Promise<Response>) =>
      shown.push((await (await asked).json<{ picture: unknown }>()).picture)
    meanwhile = async () => {
      meanwhile = async () => undefined
      await note(client.ask('catalog', 'POST', '/api/items', { ...boat, picture }))
      await note(client.ask('catalog', 'PATCH', changed, { picture }))
    }
    await client.ask('catalog', 'DELETE', gone)
    expect(removed).toContain(pathOf(picture))
    expect(shown).toEqual([null, null])
  })

  it('is removed by the clock where it could not be at once', async () => {
    isAway = true
    const picture = kept()
    expect((await client.ask('catalog', 'DELETE', await show(picture))).status).toBe(204)
    await gallery.watch()
    isAway = false
    expect(removed).toEqual([])
    await gallery.watch()
    await gallery.watch()
    expect(removed).toEqual([pathOf(picture)])
  })
})

test('RFC 9110 §13.1.2: who has it already gets 304, with the fields that a cache renews', async () => {
  const { id } = await listed()
  const same = await read(id, { 'if-none-match': '"v0", "v1"' })
  expect([same.status, same.body, same.headers.get('etag'), same.headers.get('cache-tag')]).toEqual([
    ...[304, null, '"v1"', `item:${id}`],
  ])
  const list = await shop.client().ask('catalog', 'GET', '/api/items')
  const etag = list.headers.get('etag')!
  const unchanged = await shop.client().ask('catalog', 'GET', '/api/items', undefined, { 'if-none-match': etag })
  expect(unchanged.status).toBe(304)
  await listed()
  const changed = await shop.client().ask('catalog', 'GET', '/api/items', undefined, { 'if-none-match': etag })
  expect(changed.status).toBe(200)
})

test('a listing goes on where it has ended, and has each item once', async () => {
  for (let index = 0; index < 5; index++) await listed({ kind: 'book' })
  const seen: string[] = []
  let next: string | undefined = ''
  while (next !== undefined) {
    const path: string = `/api/items?kind=book&limit=2${next && `&after=${next}`}`
    const page: { items: Item[]; next?: string } = await (await shop.client().ask('catalog', 'GET', path)).json()
    seen.push(...page.items.map(({ id }) => id))
    next = page.next
  }
  expect([seen.length, new Set(seen).size]).toEqual([5, 5])
})

test('how many there are of each kind is known after each write that changes it, and says how old it is', async () => {
  const counted = async () => {
    const response = await shop.client().ask('catalog', 'GET', '/api/kinds')
    expect(response.headers.get('cache-control')).toBe('public, max-age=0, s-maxage=60, must-revalidate')
    expect(Number(response.headers.get('age'))).toBeLessThan(60)
    const { kinds, countedAt, staleSeconds } = await response.json<{
      kinds: { kind: string; items: number }[]
      countedAt: string
      staleSeconds: number
    }>()
    expect([Date.now() - Date.parse(countedAt) < 60_000, staleSeconds]).toEqual([true, 60])
    return kinds.find(({ kind }) => kind === 'canvas')?.items ?? 0
  }
  const before = await counted()
  const { id } = await listed({ kind: 'canvas' })
  expect(await counted()).toBe(before + 1)
  await seller.ask('catalog', 'PATCH', `/api/items/${id}`, { kind: 'poster' })
  expect(await counted()).toBe(before)
  await seller.ask('catalog', 'PATCH', `/api/items/${id}`, { kind: 'canvas' })
  await seller.ask('catalog', 'DELETE', `/api/items/${id}`)
  expect(await counted()).toBe(before)
})

describe('changing', () => {
  it('needs somebody who is logged in, and the seller', async () => {
    const { id } = await listed()
    const nobody = await shop.client().ask('catalog', 'PATCH', `/api/items/${id}`, { price: 1 })
    const other = shop.client()
    await other.register()
    const theirs = await other.ask('catalog', 'PATCH', `/api/items/${id}`, { price: 1 })
    const removed = await other.ask('catalog', 'DELETE', `/api/items/${id}`)
    expect([nobody.status, theirs.status, removed.status]).toEqual([401, 403, 403])
    expect(await (await read(id)).json()).toMatchObject({ price: boat.price })
  })

  it('is seen at once, by the search too, and is refused to who has seen another version', async () => {
    const { id } = await listed({ title: 'A rowing boat' })
    const path = `/api/items/${id}`
    const response = await seller.ask('catalog', 'PATCH', path, { title: 'A punt' }, { 'if-match': '"v1"' })
    expect([response.status, response.headers.get('etag')]).toEqual([200, '"v2"'])
    const late = await seller.ask('catalog', 'PATCH', path, { title: 'A raft' }, { 'if-match': '"v1"' })
    expect(late.status).toBe(412)
    expect([await found('rowing'), await found('punt')]).toEqual([[], [id]])
    expect(shop.purged.slice(-2)).toEqual(['items', `item:${id}`])
  })

  it('can be to remove it', async () => {
    const { id } = await listed({ title: 'A leaky canoe' })
    expect((await seller.ask('catalog', 'DELETE', `/api/items/${id}`)).status).toBe(204)
    expect([(await read(id)).status, await found('leaky')]).toEqual([404, []])
  })
})

describe('what the search has not heard of', () => {
  it('is told to it in parts, however long it is', async () => {
    const description = 'Long and "quoted". '.repeat(200)
    const rows = Array.from({ length: 30 }, (_, index) =>
      env.SHOP.prepare(
        `INSERT INTO items (id, title, kind, place, description, price, currency, stock, version, created_at)
          VALUES (?, 'A barge', 'other', 'Lock Nine', ?, 1, 'GBP', 1, 1, 0)`,
      ).bind(`barge-${index}`, description),
    )
    await env.SHOP.batch(rows)
    await listed({ title: 'What comes after' })
    expect((await found('barge')).length).toBeGreaterThan(0)
    const { results } = await env.SHOP.prepare('SELECT id FROM items WHERE indexed <> version').all()
    expect(results).toEqual([])
    await env.SHOP.prepare("DELETE FROM items WHERE id LIKE 'barge-%'").run()
  })

  it('because it is away is not removed, so that nobody finds what is not there', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const { id } = await listed({ title: 'A houseboat' })
    await env.SHOP.prepare('ALTER TABLE documents RENAME TO away').run()
    const refused = await seller.ask('catalog', 'DELETE', `/api/items/${id}`)
    await env.SHOP.prepare('ALTER TABLE away RENAME TO documents').run()
    expect(refused.status).toBe(503)
    expect((await read(id)).status).toBe(200)
    expect((await seller.ask('catalog', 'DELETE', `/api/items/${id}`)).status).toBe(204)
    expect(await found('houseboat')).toEqual([])
  })

  it('until it was removed is not found, though it comes late', async () => {
    const { id } = await listed({ title: 'A narrowboat' })
    const [item] = await foundItems('narrowboat')
    expect((await seller.ask('catalog', 'DELETE', `/api/items/${id}`)).status).toBe(204)
    const told = await shop.internalFrom('catalog', 'search', 'POST', 'documents', [item!])
    expect([told.status, await found('narrowboat')]).toEqual([204, []])
  })
})

describe('what cannot be used is refused, and says why', () => {
  it.each([
    ['no title', { title: ' ' }, 'title', 'must not be empty'],
    ['a price that is none', { price: 12.5 }, 'price', 'must be the price in pence, a whole number from 1 to 10000000'],
    [
      'a kind that nobody knows',
      { kind: 'car' },
      'kind',
      'must be one of print, postcard, poster, canvas, book, other',
    ],
    ['a picture that is elsewhere', { picture: 'https://a.test/1.jpg' }, 'picture', 'must be the path of a picture'],
  ])('%s', async (_, wrong, path, message) => {
    const response = await seller.ask('catalog', 'POST', '/api/items', { ...boat, ...wrong })
    expect(response.status).toBe(422)
    const { errors } = await response.json<{ errors: { path: string; message: string }[] }>()
    expect(errors).toEqual([{ path, message: expect.stringContaining(message) }])
  })

  it.each(['?limit=0', '?limit=many', '?after=nonsense', '?kind=car', '?ids=a,,b'])(
    'a listing of %s',
    async (query) => {
      expect((await seller.ask('catalog', 'GET', `/api/items${query}`)).status).toBe(422)
    },
  )

  it.each([
    ['catalog', 'GET', '/api/items/nothing'],
    ['catalog', 'GET', '/elsewhere'],
    ['catalog', 'PUT', '/internal/reservations/1'],
    ['search', 'POST', '/internal/documents'],
  ])('what is not there, or not for clients: %s %s %s', async (service, method, path) => {
    const response = await seller.ask(service, method, path, method === 'GET' ? undefined : {})
    expect([response.status, response.headers.get('cache-control')]).toEqual([404, 'no-store'])
  })
})

describe('the search', () => {
  it('finds all words, the last of them begun, without accents or case', async () => {
    const { id } = await listed({ title: 'Café at the wéir', description: 'Espresso' })
    const asked = ['CAFE', 'weir esp', 'wei', 'cafe tea', '*', '"', 'a AND b OR', 'NEAR(']
    const answers = await Promise.all(asked.map(found))
    expect(answers).toEqual([[id], [id], [id], [], [], [], [], []])
  })

  it('asks what to search for', async () => {
    const none = await shop.client().ask('search', 'GET', '/api/search')
    const empty = await shop.client().ask('search', 'GET', '/api/search?q=+')
    expect([none.status, empty.status]).toEqual([422, 422])
  })
})

describe('the stock', () => {
  const reserved = (key: string, lines: object[]) => shop.internal('catalog', 'PUT', `reservations/${key}`, { lines })
  const released = (key: string) => shop.internal('catalog', 'DELETE', `reservations/${key}`)
  const stockOf = async (id: string) => (await (await read(id)).json<Item>()).stock

  it('is taken once for a key, and given back once', async () => {
    const { id } = await listed({ stock: 5 })
    const lines = [{ id, quantity: 3 }]
    const answers = await Promise.all([1, 2, 3].map(() => reserved('key-1', lines)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201])
    expect(await stockOf(id)).toBe(2)
    await Promise.all([1, 2].map(() => released('key-1')))
    expect(await stockOf(id)).toBe(5)
    expect((await reserved('key-1', lines)).status).toBe(409)
    expect(await stockOf(id)).toBe(5)
  })

  it('is taken for all of it or nothing, and never twice for two', async () => {
    const [one, other] = [await listed({ stock: 1 }), await listed({ stock: 1 })]
    const both = [one, other].map(({ id }) => ({ id, quantity: 1 }))
    expect((await reserved('key-2', [both[0]!, { ...both[1]!, quantity: 2 }])).status).toBe(409)
    expect([await stockOf(one.id), await stockOf(other.id)]).toEqual([1, 1])
    const rivals = await Promise.all(['key-3', 'key-4', 'key-5'].map((key) => reserved(key, both)))
    expect(rivals.map(({ status }) => status).sort()).toEqual([201, 409, 409])
    expect([await stockOf(one.id), await stockOf(other.id)]).toEqual([0, 0])
  })

  it('is not taken any more for what was released before it was taken', async () => {
    const { id } = await listed({ stock: 1 })
    expect((await released('key-6')).status).toBe(204)
    expect((await reserved('key-6', [{ id, quantity: 1 }])).status).toBe(409)
    expect(await stockOf(id)).toBe(1)
  })
})

test('where the index fails the item is listed all the same, and found later', async () => {
  const errors = vi.spyOn(console, 'error').mockReturnValue()
  await env.SHOP.prepare('ALTER TABLE documents RENAME TO away').run()
  const { id } = await listed({ title: 'A zeppelin' })
  expect((await read(id)).status).toBe(200)
  await env.SHOP.prepare('ALTER TABLE away RENAME TO documents').run()
  await listed()
  expect(await found('zeppelin')).toEqual([id])
  expect(errors).toHaveBeenCalled()
  errors.mockRestore()
})
