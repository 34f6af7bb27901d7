// What the shop sells: its own prints, the same on every origin, and what visitors have listed, which the gateway keeps
// for all origins.
import { type Gateway, listAt, prepend } from './gateway.ts'
import { items } from './items.ts'

/** One print as visitors see it. Pictures are paths of this site. */
export type Good = { id: string; name: string; place: string; pricePence: number; image: string; thumbnail: string }

/** In the shared state of the gateway. */
const listKey = 'shop/listed'
const mostListed = 24

const own: readonly Good[] = items.map(({ view: _, ...shown }) => {
  const image = `/photos/${shown.id}.png`
  return { ...shown, image, thumbnail: image }
})

/** The newest first. An origin that no gateway has been introduced to has its own alone. */
export async function allGoods(gateway: Gateway | undefined): Promise<readonly Good[]> {
  return gateway === undefined ? own : [...((await listAt(gateway, listKey)) as Good[]), ...own]
}

export async function goodOf(gateway: Gateway | undefined, id: string): Promise<Good | undefined> {
  return own.find((one) => one.id === id) ?? (await allGoods(gateway)).find((one) => one.id === id)
}

/** Puts it up for sale. Only so many are: the oldest one goes. */
export function offer(gateway: Gateway, good: Good): Promise<void> {
  return prepend(gateway, listKey, good, mostListed)
}
