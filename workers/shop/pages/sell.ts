// Listing an item with a photograph: the picture goes to the media of the gateway, which makes its thumbnails, and then the
// catalog hears of the item. A picture whose item was refused after all is removed. Where only its address is given, it is
// fetched by a call out, from places that the configuration lists.
import type { Hono } from 'hono'
import { contentLength } from '../../../shared/http/fields.ts'
import { type Problem, problemResponse } from '../../problem.ts'
import { kinds } from '../kinds.ts'
import { newId } from '../new-id.ts'
import type { ShopPorts } from '../ports.ts'
import type { ShopContext, ShopEnvironment } from '../service.ts'
import { type Answer, askForClient } from './ask.ts'
import { formOf, Room } from './form.ts'
import type { Page } from './layout.ts'
import { accountPage, type ShownAccount, sellPage } from './views.ts'

const mostBytes = 12_582_912
/** Each is held twice for a moment, in an isolate of 128 MB. */
const mostTogether = 2 * mostBytes

export interface SellTools {
  readonly show: (context: ShopContext, page: Page, status?: number) => Promise<Response>
  readonly accountOf: (context: ShopContext) => Promise<Answer<ShownAccount>>
}

export function sell(app: Hono<ShopEnvironment>, ports: ShopPorts, { show, accountOf }: SellTools): void {
  app.get('/sell', async (context) => {
    const { status } = await accountOf(context)
    return show(context, status === 401 ? accountPage(undefined, '/sell') : sellPage(kinds))
  })

  const room = new Room(mostTogether, ports.now)

  app.post('/sell', async (context) => {
    const { status } = await accountOf(context)
    if (status === 401) return show(context, accountPage(undefined, '/sell'), 401)
    return room.hold(heldOf(context.req.raw.headers), () => list(context))
  })

  async function list(context: ShopContext): Promise<Response> {
    const refuse = (status: number, problem: string | undefined) => show(context, sellPage(kinds, problem), status)
    const { photograph, address, price, stock, ...texts } = await formOf(context, mostBytes)
    const picture = await (photograph instanceof File && photograph.size > 0
      ? keep(context, photograph)
      : fetched(address, (found) => keep(context, found)))
    if (picture.kind === 'refused') return refuse(picture.status, picture.problem)
    const json = {
      ...texts,
      ...{ price: pence(price), stock: Number(stock) },
      ...(picture.kind === 'kept' && { picture: picture.path }),
    }
    const listed = await askForClient(context, ports, 'catalog', '/api/items', { method: 'POST', json })
    const place = listed.headers.get('location')
    if (listed.problem === undefined && place !== null) return context.redirect(place.replace(/^\/api/, ''), 303)
    // Of what has failed nobody knows whether there is an item that shows it.
    if (picture.kind === 'kept' && listed.status < 500) await letGo(context, picture.path)
    return refuse(listed.status, listed.problem)
  }

  /** The photograph at the address, where one was given. */
  async function fetched(address: unknown, use: (found: Blob | Response | undefined) => Promise<Kept>): Promise<Kept> {
    const url = typeof address === 'string' ? address.trim() : ''
    if (url === '') return use(undefined)
    if (!URL.canParse(url)) return use(problemResponse(noAddress))
    const found = await ports.callOut(new Request(url, { headers: { accept: 'image/*' } }))
    if (!found.ok) {
      await found.body?.cancel()
      return use(problemResponse(notFetched))
    }
    return room
      .hold(heldOf(found.headers), async () => use(await found.blob().catch(() => problemResponse(notFetched))))
      .finally(() => found.bodyUsed || found.body?.cancel())
  }

  async function keep({ req }: ShopContext, picture: Blob | Response | undefined): Promise<Kept> {
    if (picture === undefined) return { kind: 'none' }
    const path = `items/${newId()}`
    const response = picture instanceof Response ? picture : await ports.pictures.put(req.url, path, picture)
    if (response.ok) return { kind: 'kept', path }
    const { detail } = (await response.json()) as { detail: string }
    return { kind: 'refused', status: response.status, problem: detail }
  }

  async function letGo({ req }: ShopContext, path: string): Promise<void> {
    const { ok, status } = await ports.pictures.remove(req.url, path)
    if (!ok) console.warn(`The picture ${path}, which no item shows, was not removed: ${status}.`)
  }
}

/** What is larger is refused, by the form or by the media, and has to be told so. */
const heldOf = (headers: Headers): number => Math.min(contentLength(headers) ?? mostBytes, mostBytes)

type Kept =
  | { readonly kind: 'none' }
  | { readonly kind: 'kept'; readonly path: string }
  | { readonly kind: 'refused'; readonly status: number; readonly problem: string }

const noAddress: Problem = {
  status: 422,
  reason: 'no-address',
  detail: 'The address of the photograph is none: write it with https:// in front.',
}

const notFetched: Problem = {
  status: 422,
  reason: 'not-fetched',
  detail:
    'There is no photograph to be had at this address, or this shop may not ask there: send the photograph itself.',
}

/** What was typed as pounds: "12" or "12.50". */
const pence = (typed: unknown): number =>
  typeof typed === 'string' && /^\d{1,6}(?:\.\d\d)?$/.test(typed.trim()) ? Math.round(Number(typed) * 100) : Number.NaN
