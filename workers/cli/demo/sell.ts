// Listing an item with a photograph. The origin passes the file on to the gateway as it comes and keeps nothing; the
// thumbnails are made by jobs that the gateway's route enqueues after the answer.
import { randomBytes } from 'node:crypto'
import { type Answer, html, lasting, passing, personal, Refused, seeOther } from './answers.ts'
import { withFileForm } from './form.ts'
import { putPicture } from './gateway.ts'
import { type Good, offer } from './goods.ts'
import { sellPage } from './pages.ts'
import type { Ask } from './shop.ts'

/** GET /sell */
export function showForm(): Answer {
  return lasting(html, sellPage(), 3600)
}

/** POST /sell, from a browser: the item's page, or the form again with what is wrong. */
export async function sellByForm(ask: Ask): Promise<Answer> {
  try {
    return seeOther(`/items/${(await list(ask)).id}`)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return personal(sellPage(error.message), error.status)
  }
}

/** POST /items.json, from a program. */
export async function sellAsJson(ask: Ask): Promise<Answer> {
  const good = await list(ask)
  return passing(201, good, { Location: `/items/${good.id}` })
}

function list({ request, gateway }: Ask): Promise<Good> {
  return withFileForm(request, async ({ fields, file }) => {
    if (gateway === undefined) throw new Refused(503, 'no gateway has been introduced to this origin')
    const id = randomBytes(6).toString('hex')
    const image = `/_weir/media/items/${id}`
    const good = { id, ...described(fields), image, thumbnail: `${image}?preset=card` }
    await putPicture(gateway, image, file)
    await offer(gateway, good)
    return good
  })
}

function described(fields: Map<string, string>): Pick<Good, 'name' | 'place' | 'pricePence'> {
  const [name = '', place = '', price = ''] = ['name', 'place', 'price'].map((field) => fields.get(field)?.trim())
  if (name === '' || name.length > 60)
    throw new Refused(400, 'give the name, of at most 60 characters, before the file')
  if (place.length > 80) throw new Refused(400, 'the place has at most 80 characters')
  if (!/^\d{1,5}(\.\d\d)?$/.test(price))
    throw new Refused(400, 'give the price in pounds before the file, such as 18.50')
  return { name: name.toWellFormed(), place: place.toWellFormed(), pricePence: Math.round(Number(price) * 100) }
}
