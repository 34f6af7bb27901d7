// What all pages have around them, and how amounts are written.
import { html, raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'

export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>

export interface Page {
  readonly title: string
  readonly main: Markup
  /** Loads itself again after so many seconds. */
  readonly refreshSeconds?: number
}

export function layout({ title, main, refreshSeconds }: Page): Promise<string> {
  const refresh = refreshSeconds === undefined ? '' : html`<meta http-equiv="refresh" content="${refreshSeconds}">`
  return Promise.resolve(html`${raw('<!doctype html>')}
<html lang="en-GB">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    ${refresh}
    <title>${title} · Weir prints</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/style.css">
  </head>
  <body>
    <header>
      <a class="brand" href="/">Weir prints</a>
      <form action="/search" role="search">
        <input type="search" name="q" aria-label="Search" placeholder="Moonlight, canvas, Otter Bend…" maxlength="100" required>
        <button>Search</button>
      </form>
      <nav><a href="/sell">Sell</a><a href="/cart">Cart</a><a href="/account">Account</a></nav>
    </header>
    <main>${main}</main>
    <footer>A shop of small services behind one gateway. Nothing here is for sale.</footer>
  </body>
</html>
`).then(String)
}

/** Of an amount in minor units. */
export const money = (amount: number, currency: string): string =>
  new Intl.NumberFormat('en-GB', { style: 'currency', currency }).format(amount / 100)

export const thumbnail = (picture: string): string => `${picture}?preset=card`

/** What a service has refused, on top of the page. */
export const problemNote = (problem: string | undefined): Markup | '' =>
  problem === undefined ? '' : html`<p class="problem" role="alert">${problem}</p>`
