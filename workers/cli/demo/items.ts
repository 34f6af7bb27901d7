// The six prints that the shop has always sold, and what is to be drawn of each.
import type { Colour, View } from './png.ts'

/** One print in the shop. */
export type Item = { id: string; name: string; place: string; pricePence: number; view: View }

/** Everything the shop sells; the same on every origin. */
export const items: readonly Item[] = [
  {
    id: 'dawn',
    name: 'Dawn at the weir',
    place: 'Upper ford, first light',
    pricePence: 1800,
    view: {
      sky: { top: rgb(0x4a6fa5), low: rgb(0xffd3b0) },
      light: { x: 0.7, y: 0.4, radius: 0.07, colour: rgb(0xfff1d6) },
      hills: [rgb(0xa98fae), rgb(0x6d6f95), rgb(0x35496b)],
      water: rgb(0x47699a),
      stars: false,
      seed: 1.2,
    },
  },
  {
    id: 'reeds',
    name: 'Noon in the reeds',
    place: 'Long meadow, a still day',
    pricePence: 1600,
    view: {
      sky: { top: rgb(0x3f9bd8), low: rgb(0xd9f1f7) },
      light: { x: 0.24, y: 0.13, radius: 0.055, colour: rgb(0xfffbe0) },
      hills: [rgb(0x8fbf8a), rgb(0x5c9c63), rgb(0x2f6b45)],
      water: rgb(0x2e7f93),
      stars: false,
      seed: 4.4,
    },
  },
  {
    id: 'ember',
    name: 'Ember evening',
    place: 'Mill pond, late September',
    pricePence: 2200,
    view: {
      sky: { top: rgb(0x5b2a5e), low: rgb(0xff9a4d) },
      light: { x: 0.42, y: 0.36, radius: 0.085, colour: rgb(0xffdc8a) },
      hills: [rgb(0x9c4a55), rgb(0x6b2f4a), rgb(0x321a35)],
      water: rgb(0x6d3350),
      stars: false,
      seed: 7.9,
    },
  },
  {
    id: 'squall',
    name: 'Before the squall',
    place: 'Lower sluice, wind from the west',
    pricePence: 2000,
    view: {
      sky: { top: rgb(0x39434f), low: rgb(0xb9c4c4) },
      light: { x: 0.82, y: 0.22, radius: 0.05, colour: rgb(0xe9eee6) },
      hills: [rgb(0x7d8d8f), rgb(0x55676b), rgb(0x2b3b42)],
      water: rgb(0x3d5560),
      stars: false,
      seed: 11.3,
    },
  },
  {
    id: 'snowmelt',
    name: 'Snowmelt',
    place: 'Headwaters, the first thaw',
    pricePence: 1900,
    view: {
      sky: { top: rgb(0x8fb7dd), low: rgb(0xf7f3f5) },
      light: { x: 0.55, y: 0.2, radius: 0.05, colour: rgb(0xffffff) },
      hills: [rgb(0xdfe8f2), rgb(0xb4c8dd), rgb(0x6f8fae)],
      water: rgb(0x4f86a8),
      stars: false,
      seed: 15.6,
    },
  },
  {
    id: 'moon',
    name: 'Moonlit lock',
    place: 'Lock seven, past midnight',
    pricePence: 2400,
    view: {
      sky: { top: rgb(0x0a1230), low: rgb(0x3a4f86) },
      light: { x: 0.3, y: 0.17, radius: 0.06, colour: rgb(0xf3efdc) },
      hills: [rgb(0x2a3a66), rgb(0x1b2849), rgb(0x0d152c)],
      water: rgb(0x16244a),
      stars: true,
      seed: 21.8,
    },
  },
]

function rgb(hex: number): Colour {
  return [hex >> 16, (hex >> 8) & 255, hex & 255]
}
