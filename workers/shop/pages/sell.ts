// Listing an item with a photograph: the picture goes to the media of the gateway, which makes its thumbnails, and then the
// catalog hears of the item. A picture whose item was refused after all is shown nowhere.
import type { Hono } from 'hono'
import { kinds } from '../kinds.ts'
import { newId } from '../new-id.ts'
import type { ShopPorts } from '../ports.ts'
import type { ShopContext, ShopEnvironment } from '../service.ts'
import { type Answer, askForClient } from './ask.ts'
import type { Page } from './layout.ts'
import { accountPage, type ShownAccount, sellPage } from './views.ts'

/** A form is held in memory for a moment. */
const mostBytes = 12_582_912

export interface SellTools {
  readonly show: (context: ShopContext, page: Page, status?: number) => Promise<Response>
  readonly accountOf: (context: ShopContext) => Promise<Answer<ShownAccount>>
}

export function sell(app: Hono<ShopEnvironment>, ports: ShopPorts, { show, accountOf }: SellTools): void {
  app.get('/sell', async (context) => {
    const { status } = await accountOf(context)
    return show(context, status === 401 ? accountPage(undefined, '/sell') : sellPage(kinds))
  })

  app.post('/sell', async (context) => {
    const refuse = (status: number, problem: string | undefined) => show(context, sellPage(kinds, problem), status)
    const { status } = await accountOf(context)
    if (status === 401) return show(context, accountPage(undefined, '/sell'), 401)
    const length = Number(context.req.header('content-length') ?? Number.NaN)
    if (!(length <= mostBytes)) return refuse(413, `All of it may have ${mostBytes / 1_048_576} MiB at most.`)
    const { photograph, price, stock, ...texts } = await context.req.parseBody()
    const picture = photograph instanceof File && photograph.size > 0 ? await keep(context, photograph) : undefined
    if (picture?.problem !== undefined) return refuse(picture.status, picture.problem)
    const json = {
      ...texts,
      ...{ price: pence(price), stock: Number(stock) },
      ...(picture !== undefined && { picture: picture.path }),
    }
    const listed = await askForClient(context, ports, 'catalog', '/api/items', { method: 'POST', json })
    const place = listed.headers.get('location')
    if (listed.problem !== undefined || place === null) return refuse(listed.status, listed.problem)
    return context.redirect(place.replace(/^\/api/, ''), 303)
  })

  async function keep({ req }: ShopContext, photograph: File) {
    const path = `items/${newId()}`
    const response = await ports.pictures.put(req.url, path, photograph)
    if (response.ok) return { path, status: response.status, problem: undefined }
    const { detail } = (await response.json()) as { detail: string }
    return { path, status: response.status, problem: detail }
  }
}

/** What was typed as pounds: "12" or "12.50". */
const pence = (typed: unknown): number =>
  typeof typed === 'string' && /^\d{1,6}(?:\.\d\d)?$/.test(typed.trim()) ? Math.round(Number(typed) * 100) : Number.NaN
