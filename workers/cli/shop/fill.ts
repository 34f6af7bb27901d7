// Fills a shop from outside: the pictures with the admin token, the items as somebody who has registered for that. What is
// listed already stays as it is, so that whoever was interrupted begins again.
import { randomBytes } from 'node:crypto'
import { seedItems, seedPictures } from '../demo/seed.ts'

const patienceMs = 60_000

interface Listed {
  readonly items: readonly { readonly description: string }[]
  readonly next?: string
}

/** `url` is the gateway's, with the shop's configuration in force. Rejects with an Error for people. */
export async function fillShop(
  url: string,
  token: string,
  say: (line: string) => void,
  items = seedItems,
): Promise<void> {
  const there = await descriptions(url)
  const missing = items.filter(({ description }) => !there.has(description))
  if (missing.length === 0) return say('All items are listed already.')
  const needed = new Set(missing.map(({ picture }) => picture))
  const pictures = seedPictures.filter(({ path }) => needed.has(path))
  for (const { path, draw } of pictures) {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'image/png' }
    await ask(url, 'PUT', `/_weir/media/${path}`, { headers, body: new Uint8Array(draw()) })
  }
  say(`Stored ${pictures.length} pictures.`)
  const seller = { name: 'Weir prints', email: `prints-${randomBytes(4).toString('hex')}@example.com` }
  const password = randomBytes(12).toString('base64url')
  const registered = await ask(url, 'POST', '/api/account', json({ ...seller, password }))
  const cookie = registered.headers.get('set-cookie')?.split(';')[0] ?? ''
  say(`Registered ${seller.email}, with the password ${password}.`)
  // One after the other: the newest stand in front.
  for (const { title, kind, place, description, price, stock, picture } of missing) {
    const item = { title, kind, place, description, price, stock, picture: `/_weir/media/${picture}` }
    await ask(url, 'POST', '/api/items', json(item, { cookie }))
  }
  say(`Listed ${missing.length} items. The search finds all of them within some minutes.`)
}

/** Of all that is listed: no two of those that the demo sells have the same. */
async function descriptions(url: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  let after = ''
  do {
    // What the cache has of the list may be a minute old elsewhere.
    const path = `/api/items?limit=100${after && `&after=${after}`}`
    const { items, next = '' } = (await (await ask(url, 'GET', path)).json()) as Listed
    for (const { description } of items) found.add(description)
    after = next
  } while (after !== '')
  return found
}

const json = (value: object, headers: Record<string, string> = {}) => ({
  headers: { ...headers, 'content-type': 'application/json' },
  body: JSON.stringify(value),
})

async function ask(url: string, method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const signal = AbortSignal.timeout(patienceMs)
  const response = await fetch(new URL(path, url), { method, redirect: 'manual', signal, ...init }).catch(
    ({ cause, message }: Error) => {
      throw new Error(`${method} ${path}: no answer (${cause instanceof Error ? cause.message : message}).`)
    },
  )
  if (response.ok && /\bjson\b/.test(response.headers.get('content-type') ?? '')) return response
  const { detail } = (await response.json().catch(() => ({}))) as { readonly detail?: unknown }
  const isElsewhere = typeof detail !== 'string' || response.status === 404 || response.status === 405
  const hint = isElsewhere ? 'Is the configuration of the shop in force there?' : ''
  throw new Error([`${method} ${path}: ${response.status}.`, detail, hint].filter(Boolean).join(' '))
}
