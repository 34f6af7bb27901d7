// What the demo shop shows: its six prints, its two pages and its style sheet, as plain strings.
// Nothing here reads a clock or knows the network: who made a page, and when, are parameters.
import type { Colour, View } from './png.ts'

/** One print in the shop. */
export type Item = { id: string; name: string; place: string; pricePence: number; view: View }

/** Who made a page, and when. */
export type Made = { origin: string; at: Date }

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

/** The shop's front page, a complete HTML document. */
export function shopPage(made: Made): string {
  return layout({
    title: 'Weir demo: prints of moving water',
    main: `<section class="hero">
      <h1>Prints of moving water</h1>
      <p>A small shop on several origin servers, any of which may be killed while you look. Reload the page: while the
        time below stands still, the gateway answers from its store.</p>
      ${stamp(made)}
    </section>
    <section class="grid" aria-label="Prints">
      ${items.map(card).join('\n      ')}
    </section>
    <section class="try">
      <h2>Other things to ask for</h2>
      <ul>
        ${tries.map(([path, what]) => `<li><a href="${path}"><code>${path}</code></a> ${what}</li>`).join('\n        ')}
      </ul>
    </section>`,
  })
}

/** The visitor's own page; `user` is undefined when nobody has signed in. Any text is safe as a name. */
export function personPage(made: Made, user: string | undefined): string {
  const name = user === undefined ? undefined : escapeHtml(user)
  return layout({
    title: name === undefined ? 'Weir demo: sign in' : `Weir demo: ${name}`,
    main: `<section class="hero">
      <h1>${name === undefined ? 'Nobody is signed in' : `Hello, ${name}`}</h1>
      <p>This page is yours alone (<code>Cache-Control: private</code>), so the gateway never stores it.</p>
      ${stamp(made)}
      <div class="people">${people.map(signIn).join('')}</div>
    </section>`,
  })
}

/** The one style sheet. */
export const styleSheet = `:root {
  color-scheme: light dark;
  --ink: light-dark(#17202b, #e8edf3);
  --soft: light-dark(#586574, #9dabba);
  --ground: light-dark(#f4f7f9, #10161d);
  --card: light-dark(#ffffff, #19212b);
  --line: light-dark(#dde4ea, #2a3541);
  --accent: light-dark(#1c6a8f, #7cc4e4);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
header, main, footer { width: min(68rem, 100% - 2.5rem); margin-inline: auto; }
header { display: flex; justify-content: space-between; align-items: center; padding-block: 1.25rem; }
a { color: var(--accent); text-underline-offset: 0.2em; }
.brand { font-weight: 700; font-size: 1.15rem; letter-spacing: -0.01em; color: inherit; text-decoration: none; }
.brand::before { content: ""; display: inline-block; width: 1.5rem; height: 0.7rem; margin-right: 0.55rem;
  border-radius: 0 0 0.7rem 0.7rem; border-top: 3px solid var(--accent);
  background: linear-gradient(var(--accent), transparent); }
nav { display: flex; gap: 1.25rem; }
h1 { margin: 0 0 0.5rem; font-size: clamp(1.9rem, 5vw, 3rem); line-height: 1.1; letter-spacing: -0.025em; }
h2 { font-size: 1.15rem; margin: 0 0 0.75rem; }
.hero { padding-block: clamp(1.5rem, 5vw, 3.5rem) 2rem; }
.hero p { margin: 0 0 1.25rem; max-width: 38rem; color: var(--soft); font-size: 1.1rem; }
.stamp { display: inline-flex; flex-wrap: wrap; align-items: center; gap: 0.3rem 0.6rem; padding: 0.45rem 0.9rem;
  border: 1px solid var(--line); border-radius: 1.4rem; background: var(--card); font-size: 0.95rem; }
.stamp b { display: inline-grid; place-items: center; min-width: 1.6rem; height: 1.6rem; padding-inline: 0.45rem;
  border-radius: 0.8rem; background: hsl(var(--hue) 60% 38%); color: #fff; }
.stamp time { font-variant-numeric: tabular-nums; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 1.5rem; }
.card { overflow: hidden; border: 1px solid var(--line); border-radius: 0.9rem; background: var(--card); }
.card img { display: block; width: 100%; height: auto; }
.card div { padding: 0.9rem 1.1rem 1.1rem; }
.card h2 { margin: 0; }
.card p { margin: 0.15rem 0 0.7rem; color: var(--soft); }
.card footer { width: auto; margin: 0; padding: 0; border: 0; display: flex; justify-content: space-between;
  color: inherit; font-size: 1rem; }
.try { margin-block: 3rem; }
.try ul { margin: 0; padding: 0; list-style: none; display: grid; gap: 0.4rem 2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); color: var(--soft); }
.people { display: flex; flex-wrap: wrap; gap: 0.6rem; margin-top: 1.5rem; }
button { padding: 0.5rem 1rem; border: 1px solid var(--line); border-radius: 0.6rem; background: var(--card);
  color: var(--accent); font: inherit; cursor: pointer; }
button:hover { border-color: var(--accent); }
body > footer { padding-block: 1.5rem 2.5rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.9rem; }
`

const people = ['ada', 'grace', 'linus']

const tries: readonly (readonly [path: string, what: string])[] = [
  ['/now', 'the time, never stored'],
  ['/items.json', 'the prints as JSON, fresh for 30 seconds'],
  ['/me', 'a private page, by cookie'],
  ['/slow?ms=2000', 'an answer that takes its time'],
  ['/fail?status=503', 'an error, on request'],
  ['/events', 'one event a second, as they come'],
]

function layout(page: { title: string; main: string }): string {
  return `<!doctype html>
<html lang="en-GB">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${page.title}</title>
    <link rel="icon" type="image/png" href="/photos/dawn.png">
    <link rel="stylesheet" href="/style.css">
  </head>
  <body>
    <header><a class="brand" href="/">Weir demo</a><nav><a href="/">Prints</a><a href="/me">You</a></nav></header>
    <main>
    ${page.main}
    </main>
    <footer>Nothing here is for sale. The origins draw the pictures themselves, by arithmetic.</footer>
  </body>
</html>
`
}

function stamp(made: Made): string {
  const iso = made.at.toISOString()
  const shown = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
  return `<div class="stamp" style="--hue: ${hueOf(made.origin)}">made by origin <b>${made.origin}</b>
        <time datetime="${iso}">${shown}</time></div>`
}

function card(item: Item, place: number): string {
  // The first row is in view at once; the rest may wait.
  const loading = place < 3 ? 'eager' : 'lazy'
  return `<article class="card">
        <img src="/photos/${item.id}.png" width="320" height="240" loading="${loading}" alt="${item.name}: ${item.place}">
        <div>
          <h2>${item.name}</h2>
          <p>${item.place}</p>
          <footer><strong>£${(item.pricePence / 100).toFixed(2)}</strong><a href="/items/${item.id}">as JSON</a></footer>
        </div>
      </article>`
}

function signIn(user: string): string {
  return `<form method="post" action="/login?user=${user}"><button>Sign in as ${user}</button></form>`
}

/** A colour for each origin, so that a change of origin is seen without reading. Neighbouring ids lie far apart. */
function hueOf(origin: string): number {
  let sum = 0
  for (const char of origin) sum = sum * 31 + char.charCodeAt(0)
  return Math.round(sum * 137.508) % 360
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

function rgb(hex: number): Colour {
  return [hex >> 16, (hex >> 8) & 255, hex & 255]
}
