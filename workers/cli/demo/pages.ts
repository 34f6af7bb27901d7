// What the demo shop shows: its pages and its style sheet, as plain strings.
// Nothing here reads a clock or knows the network: who made a page, and when, are parameters.
import type { CartLine } from './cart.ts'
import type { Good } from './goods.ts'

/** Who made a page, and when. */
export type Made = { origin: string; at: Date }

/** The shop's front page, a complete HTML document, as all of them are. */
export function shopPage(made: Made, goods: readonly Good[]): string {
  return layout({
    title: 'Weir demo: prints of moving water',
    main: `<section class="hero">
      <h1>Prints of moving water</h1>
      <p>A small shop on several origin servers, any of which may be killed while you look. Reload the page: while the
        time below stands still, the gateway answers from its store.</p>
      ${stamp(made)}
    </section>
    <section class="grid" aria-label="Prints">
      ${goods.map(card).join('\n      ')}
    </section>
    <section class="try">
      <h2>Other things to ask for</h2>
      <ul>
        ${tries.map(([path, what]) => `<li><a href="${path}"><code>${path}</code></a> ${what}</li>`).join('\n        ')}
      </ul>
    </section>`,
  })
}

/** One print. The same whichever origin made it. */
export function itemPage(good: Good): string {
  const [name, place] = [escapeHtml(good.name), escapeHtml(good.place)]
  return layout({
    title: `Weir demo: ${name}`,
    main: `<section class="hero">
      <h1>${name}</h1>
      <p>${place}</p>
      <p><strong>${pounds(good.pricePence)}</strong> &middot; <a href="/items/${good.id}.json">as JSON</a></p>
      <form method="post" action="/cart"><input type="hidden" name="item" value="${good.id}"><button>Add to the cart</button></form>
    </section>
    <img class="large" src="${good.image}" alt="${name}: ${place}">`,
  })
}

/** The visitor's cart. */
export function cartPage(made: Made, lines: readonly CartLine[]): string {
  const total = lines.reduce((sum, { good, quantity }) => sum + good.pricePence * quantity, 0)
  return layout({
    title: 'Weir demo: your cart',
    main: `<section class="hero">
      <h1>${lines.length === 0 ? 'Your cart is empty' : `Your cart: ${pounds(total)}`}</h1>
      <p>No origin keeps it: the gateway does, in your session. Kill the origin below, and reload.</p>
      ${stamp(made)}
    </section>
    <section class="lines">${lines.map(cartLine).join('')}</section>`,
  })
}

/** Where a print is put up for sale; `problem` is why the last one was not. */
export function sellPage(problem?: string): string {
  return layout({
    title: 'Weir demo: sell a print',
    main: `<section class="hero">
      <h1>Sell a print</h1>
      <p>The origin passes your photograph on to the gateway and answers at once; the gateway makes the thumbnail.</p>
      ${problem === undefined ? '' : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`}
      <form class="sell" method="post" action="/sell" enctype="multipart/form-data">
        <label>Name <input name="name" required maxlength="60"></label>
        <label>Place <input name="place" maxlength="80"></label>
        <label>Price in pounds <input name="price" required inputmode="decimal" pattern="\\d{1,5}(\\.\\d\\d)?"></label>
        <label>Photograph <input name="photo" type="file" required accept="image/jpeg,image/png,image/webp,image/avif"></label>
        <button>Sell it</button>
      </form>
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
.large { display: block; max-width: 100%; border-radius: 0.9rem; }
.line { display: flex; flex-wrap: wrap; align-items: center; gap: 1rem; padding-block: 0.7rem;
  border-bottom: 1px solid var(--line); }
.line a { flex: 1; }
.sell { display: grid; gap: 1rem; max-width: 24rem; }
.sell label { display: grid; gap: 0.25rem; }
.problem { color: light-dark(#a3262a, #ff9a94); }
input { padding: 0.5rem 0.7rem; border: 1px solid var(--line); border-radius: 0.6rem; background: var(--card);
  color: inherit; font: inherit; }
body > footer { padding-block: 1.5rem 2.5rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.9rem; }
`

const people = ['ada', 'grace', 'linus']

const tries: readonly (readonly [path: string, what: string])[] = [
  ['/now', 'the time, never stored'],
  ['/items.json', 'the prints as JSON, fresh for 30 seconds'],
  ['/me', 'a private page, by session'],
  ['/cart.json', 'your cart, which no origin keeps'],
  ['/slow?ms=2000', 'an answer that takes its time'],
  ['/fail?status=503', 'an error, on request'],
  ['/events', 'one event a second, as they come'],
]

const places = '<a href="/">Prints</a><a href="/sell">Sell</a><a href="/cart">Cart</a><a href="/me">You</a>'

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
    <header><a class="brand" href="/">Weir demo</a><nav>${places}</nav></header>
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

function card(good: Good, place: number): string {
  // The first row is in view at once; the rest may wait.
  const loading = place < 3 ? 'eager' : 'lazy'
  const [name, where] = [escapeHtml(good.name), escapeHtml(good.place)]
  return `<article class="card">
        <a href="/items/${good.id}"><img src="${good.thumbnail}" width="320" height="240" loading="${loading}" alt="${name}: ${where}"></a>
        <div>
          <h2>${name}</h2>
          <p>${where}</p>
          <footer><strong>${pounds(good.pricePence)}</strong><a href="/items/${good.id}">Look closer</a></footer>
        </div>
      </article>`
}

function cartLine({ good, quantity }: CartLine): string {
  return `<form class="line" method="post" action="/cart">
        <img src="${good.thumbnail}" width="80" height="60" alt="">
        <a href="/items/${good.id}">${escapeHtml(good.name)}</a>
        <input type="hidden" name="item" value="${good.id}">
        <input name="quantity" type="number" min="0" max="99" value="${quantity}" aria-label="Quantity">
        <button>Change</button><strong>${pounds(good.pricePence * quantity)}</strong>
      </form>`
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

function pounds(pence: number): string {
  return `£${(pence / 100).toFixed(2)}`
}
