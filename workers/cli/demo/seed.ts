// What the demo's shop sells: some hundred prints of moving water, with the pictures that png.ts draws. The same each time.
// Its SQL is plain: to load drizzle takes as long as all else that the demo has to do before it starts.
import { originalName } from '../../../shared/media-path.ts'
import { type Item, itemOf } from '../../shop/catalog/item.ts'
import type { documents } from '../../shop/search/tables.ts'
import type { LocalStores } from '../local-gateway.ts'
import { type Colour, drawView, type Size, type View } from './png.ts'

/** A time of day, or of the year. */
interface Light {
  readonly id: string
  readonly name: string
  readonly words: string
  readonly view: Omit<View, 'seed'>
}

const lights: readonly Light[] = [
  {
    id: 'dawn',
    name: 'Dawn',
    words: 'First light, and mist that has not made up its mind',
    view: {
      sky: { top: rgb(0x4a6fa5), low: rgb(0xffd3b0) },
      light: { x: 0.7, y: 0.4, radius: 0.07, colour: rgb(0xfff1d6) },
      hills: [rgb(0xa98fae), rgb(0x6d6f95), rgb(0x35496b)],
      water: rgb(0x47699a),
      stars: false,
    },
  },
  {
    id: 'noon',
    name: 'Noon',
    words: 'A still day, high sun, every reed twice',
    view: {
      sky: { top: rgb(0x3f9bd8), low: rgb(0xd9f1f7) },
      light: { x: 0.24, y: 0.13, radius: 0.055, colour: rgb(0xfffbe0) },
      hills: [rgb(0x8fbf8a), rgb(0x5c9c63), rgb(0x2f6b45)],
      water: rgb(0x2e7f93),
      stars: false,
    },
  },
  {
    id: 'ember',
    name: 'Evening',
    words: 'Late September, the sky burning down slowly',
    view: {
      sky: { top: rgb(0x5b2a5e), low: rgb(0xff9a4d) },
      light: { x: 0.42, y: 0.36, radius: 0.085, colour: rgb(0xffdc8a) },
      hills: [rgb(0x9c4a55), rgb(0x6b2f4a), rgb(0x321a35)],
      water: rgb(0x6d3350),
      stars: false,
    },
  },
  {
    id: 'squall',
    name: 'Squall',
    words: 'Wind from the west, and ten minutes to get home',
    view: {
      sky: { top: rgb(0x39434f), low: rgb(0xb9c4c4) },
      light: { x: 0.82, y: 0.22, radius: 0.05, colour: rgb(0xe9eee6) },
      hills: [rgb(0x7d8d8f), rgb(0x55676b), rgb(0x2b3b42)],
      water: rgb(0x3d5560),
      stars: false,
    },
  },
  {
    id: 'snowmelt',
    name: 'Snowmelt',
    words: 'The first thaw: cold, loud and very clear',
    view: {
      sky: { top: rgb(0x8fb7dd), low: rgb(0xf7f3f5) },
      light: { x: 0.55, y: 0.2, radius: 0.05, colour: rgb(0xffffff) },
      hills: [rgb(0xdfe8f2), rgb(0xb4c8dd), rgb(0x6f8fae)],
      water: rgb(0x4f86a8),
      stars: false,
    },
  },
  {
    id: 'moon',
    name: 'Moonlight',
    words: 'Past midnight, with nobody there but the heron',
    view: {
      sky: { top: rgb(0x0a1230), low: rgb(0x3a4f86) },
      light: { x: 0.3, y: 0.17, radius: 0.06, colour: rgb(0xf3efdc) },
      hills: [rgb(0x2a3a66), rgb(0x1b2849), rgb(0x0d152c)],
      water: rgb(0x16244a),
      stars: true,
    },
  },
]

const places = ['the Upper Ford', 'Long Meadow', 'the Mill Pond', 'the Lower Sluice', 'Otter Bend', 'Lock Seven']

const formats = [
  { id: 'book', kind: 'book', words: 'A notebook with a view', size: 'A5, 96 blank pages', pence: 1200, stock: 150 },
  { id: 'postcard', kind: 'postcard', words: 'A postcard', size: 'A6, on heavy card', pence: 250, stock: 400 },
  { id: 'canvas', kind: 'canvas', words: 'A canvas', size: '60 × 80 cm, on a wooden frame', pence: 8900, stock: 12 },
  { id: 'poster', kind: 'poster', words: 'A poster', size: '50 × 70 cm, on matt paper', pence: 2400, stock: 90 },
  { id: 'large', kind: 'print', words: 'A large print', size: '60 × 80 cm, on cotton paper', pence: 4200, stock: 25 },
  { id: 'print', kind: 'print', words: 'A print', size: '30 × 40 cm, on cotton paper', pence: 1800, stock: 60 },
] as const

/** Of the first one; each that follows is a minute younger. */
const firstAt = Date.UTC(2026, 0, 5, 9)
const minuteMs = 60_000

/** The rows of the catalog, the oldest first: `dawn-1-print` and so on. */
export const seedItems: readonly Item[] = formats
  .flatMap((format) => places.map((place, index) => ({ format, place, number: index + 1 })))
  .flatMap((article) => lights.map((light) => ({ ...article, light })))
  .map(({ place, number, light, format }, index) => ({
    id: `${light.id}-${number}-${format.id}`,
    title: `${light.name} at ${place}`,
    kind: format.kind,
    place: place.replace(/^the /, ''),
    description: `${light.words}. ${format.words} of the weir at ${place}, ${format.size}.`,
    // No two places cost the same.
    price: format.pence + number * 10,
    currency: 'GBP',
    stock: format.stock,
    picture: pictureOf(light.id, number),
    seller: null,
    version: 1,
    indexed: 1,
    createdAt: firstAt + index * minuteMs,
  }))

function pictureOf(light: string, number: number): string {
  return `seed/${light}-${number}.png`
}

/** Large enough for a page, small enough that all of them are drawn within a second or so. */
const pictureSize = { width: 200, height: 150 }

export interface Picture {
  /** Below /_weir/media/. */
  readonly path: string
  /** A PNG file. */
  draw(): Buffer
}

/** Those that `seedItems` name. */
export const seedPictures: readonly Picture[] = places.flatMap((_, index) =>
  lights.map(({ id, view }) => ({
    path: pictureOf(id, index + 1),
    draw: () => drawView({ ...view, seed: (index + 1) * 3.7 + id.length }, pictureSize),
  })),
)

/** Of a place that the shop does not show. */
export const drawPhotograph = (size: Size): Buffer => drawView({ ...lights[0]!.view, seed: 99 }, size)

/** Fills an empty shop. One that has items already is left as it is. */
export async function seedShop({ SHOP, MEDIA }: Pick<LocalStores, 'SHOP' | 'MEDIA'>): Promise<void> {
  if (await seedRows(SHOP)) await keepPictures(MEDIA)
}

/** The rows alone, and what the search knows of them; whether there were none before. */
export async function seedRows(database: LocalStores['SHOP'], rows = seedItems): Promise<boolean> {
  if ((await database.prepare('SELECT id FROM items LIMIT 1').first()) !== null) return false
  const json = JSON.stringify(rows.map((row) => ({ ...row, item: JSON.stringify(itemOf(row)) })))
  const filled = { items: Object.keys(rows[0]!), documents: documentFields }
  await database.batch(
    Object.entries(filled).map(([table, fields]) => {
      const columns = fields.map((field) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
      const values = fields.map((field) => `value ->> '${field}'`)
      return database.prepare(`INSERT INTO ${table} (${columns}) SELECT ${values} FROM json_each(?)`).bind(json)
    }),
  )
  return true
}

const documentFields = ['id', 'version', 'item', 'title', 'place', 'kind', 'description'] as const satisfies Field[]
type Field = keyof typeof documents.$inferSelect

async function keepPictures(bucket: LocalStores['MEDIA']): Promise<void> {
  const httpMetadata = { contentType: 'image/png' }
  await Promise.all(seedPictures.map(({ path, draw }) => bucket.put(originalName(path), draw(), { httpMetadata })))
}

function rgb(hex: number): Colour {
  return [hex >> 16, (hex >> 8) & 255, hex & 255]
}
