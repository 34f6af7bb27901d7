// Draws the demo's photographs: river views, a few hundred pixels wide, as real PNG files made of nothing but
// arithmetic and node:zlib. The same view gives the same bytes on every origin, so their validators agree.
// It never reads a file and keeps nothing: whoever serves a picture often holds on to it.
import { crc32, deflateSync } from 'node:zlib'

/** Red, green, blue; 0 to 255 each. */
export type Colour = readonly [red: number, green: number, blue: number]

/** What one picture shows. Places are fractions of the picture: x from the left, y from the top. */
export type View = {
  sky: { top: Colour; low: Colour }
  light: { x: number; y: number; radius: number; colour: Colour }
  hills: readonly Colour[]
  water: Colour
  stars: boolean
  seed: number
}

/** In pixels. */
export type Size = { width: number; height: number }

/** Of every photograph in the shop. */
const photoSize: Size = { width: 320, height: 240 }

const horizon = 0.58
const lip = 0.84
const starlight: Colour = [226, 230, 250]
const aspect = photoSize.width / photoSize.height
const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** The view as a PNG file. Takes some tens of milliseconds at `photoSize`, less where it is smaller. */
export function drawView(view: View, { width, height } = photoSize): Buffer {
  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      pixels.set(colourAt(view, (x + 0.5) / width, (y + 0.5) / height), (y * width + x) * 3)
    }
  }
  return encodePng(width, height, pixels)
}

/**
 * A PNG file, eight bits a channel, without transparency.
 * @param pixels `width * height * 3` bytes, row by row, red, green, blue
 */
export function encodePng(width: number, height: number, pixels: Uint8Array): Buffer {
  if (pixels.length !== width * height * 3) throw new RangeError('pixels must hold three bytes for each pixel')
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8 // bits a channel
  header[9] = 2 // truecolour
  const rows = deflateSync(filterRows(pixels, width * 3))
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))])
}

/** Each byte less the one above it (filter 2, "up"): smooth pictures shrink far better so. */
function filterRows(pixels: Uint8Array, rowBytes: number): Buffer {
  const rows = pixels.length / rowBytes
  const filtered = Buffer.alloc(pixels.length + rows)
  for (let row = 0; row < rows; row++) {
    const to = row * (rowBytes + 1)
    filtered[to] = 2
    for (let i = 0; i < rowBytes; i++) {
      const from = row * rowBytes + i
      filtered[to + 1 + i] = pixels[from]! - (row === 0 ? 0 : pixels[from - rowBytes]!)
    }
  }
  return filtered
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(data.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}

function colourAt(view: View, x: number, y: number): Colour {
  if (y < horizon) return landAt(view, x, y)
  return y < lip ? poolAt(view, x, y) : fallAt(view, x, y)
}

/** Sky, and the hills before it, the nearest last; each is hazy at its ridge. */
function landAt(view: View, x: number, y: number): Colour {
  let colour = skyAt(view, x, y)
  for (const [i, hill] of view.hills.entries()) {
    const below = y - ridgeAt(view.seed + i * 7.3, x, i)
    const cover = covered(below)
    if (cover === 0) continue
    const haze = 0.45 * Math.exp(-Math.max(0, below) * 9) * (1 - i / view.hills.length)
    colour = mix(colour, mix(hill, view.sky.low, haze), cover)
  }
  return colour
}

function skyAt(view: View, x: number, y: number): Colour {
  const { light, sky } = view
  const distance = Math.hypot((x - light.x) * aspect, y - light.y)
  const starred = view.stars && noise(Math.floor(x * 160), Math.floor(y * 120), view.seed) > 0.994
  const base = starred ? starlight : mix(sky.top, sky.low, (Math.max(0, y) / horizon) ** 1.3)
  const glow = mix(base, light.colour, 0.55 * Math.exp(-((distance / (light.radius * 3)) ** 2)))
  return mix(glow, light.colour, covered(light.radius - distance))
}

/** How much of a pixel lies inside an edge that is `inside` picture heights away: soft edges without more samples. */
function covered(inside: number): number {
  return Math.min(1, Math.max(0, inside * photoSize.height + 0.5))
}

function ridgeAt(seed: number, x: number, layer: number): number {
  const roll = Math.sin(x * 4.1 + seed) + 0.5 * Math.sin(x * 9.7 + seed * 2.1) + 0.16 * Math.sin(x * 31 + seed * 3.7)
  return horizon - 0.24 + layer * 0.09 - roll * (0.075 - layer * 0.016)
}

/** Still water above the weir: the land upside down, broken by ripples that widen towards us. */
function poolAt(view: View, x: number, y: number): Colour {
  const depth = (y - horizon) / (lip - horizon)
  const ripple = Math.sin(depth * 46 + Math.sin(x * 11 + view.seed) * 1.4) * (0.004 + depth * 0.012)
  const mirrored = landAt(view, x + ripple, horizon - (y - horizon) * 1.7 + ripple)
  const glint = Math.sin(depth * 70 + x * 23 + Math.sin(x * 41) * 2) > 0.93 ? 0.22 : 0
  return mix(mix(mirrored, view.water, 0.3 + depth * 0.25), view.light.colour, glint)
}

/** The weir itself: a bright lip, and water that falls away beneath it in streaks. */
function fallAt(view: View, x: number, y: number): Colour {
  const fall = (y - lip) / (1 - lip)
  if (fall < 0.06) return mix(view.light.colour, [255, 255, 255], 0.5)
  const streak = 0.5 + 0.25 * Math.sin(x * 97 + view.seed) + 0.25 * Math.sin(x * 211 + view.seed * 5 + fall * 2)
  const spray = 0.72 + 0.1 * Math.sin(x * 37 + view.seed) + 0.05 * Math.sin(x * 103 + view.seed * 3)
  const foam = Math.min(1, Math.max(0, (fall - spray) * 5)) * 0.8
  return mix(mix(view.water, [255, 255, 255], streak * 0.55 * (1 - fall * 0.6)), [250, 252, 255], foam)
}

/** From `a` (share 0) to `b` (share 1). */
function mix(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share]
}

/** A number from 0 to 1 that looks random and is always the same. */
function noise(x: number, y: number, seed: number): number {
  const wild = Math.sin(x * 127.1 + y * 311.7 + seed * 74.7) * 43758.5453
  return wild - Math.floor(wild)
}
