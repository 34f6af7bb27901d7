// The pages themselves: what they are told, as HTML. They ask nobody.
import { html } from 'hono/html'
import { type Markup, money, type Page, problemNote, thumbnail } from './layout.ts'

/** As the catalog shows it. */
export interface ShownItem {
  readonly id: string
  readonly title: string
  readonly kind: string
  readonly place: string
  readonly description: string
  readonly price: number
  readonly currency: string
  readonly stock: number
  readonly picture: string | null
}

export interface ShownCart {
  readonly lines: readonly (Pick<ShownItem, 'id' | 'title' | 'price' | 'stock'> & {
    readonly quantity: number
    readonly total: number
  })[]
  readonly total: number
  readonly currency: string
  readonly gone: readonly string[]
}

export interface ShownAccount {
  readonly email: string
  readonly name: string
}

export interface ShownCheckout {
  readonly id: string
  readonly state: string
  readonly because?: string
  readonly steps: readonly { readonly step: string; readonly state: string }[]
  readonly total: number
  readonly currency: string
}

export interface ShownOrder {
  readonly id: string
  readonly state: string
  readonly total: number
  readonly currency: string
  readonly createdAt: string
}

export interface ShownOrders {
  readonly orders: readonly ShownOrder[]
  /** Where older ones follow. */
  readonly next?: string
}

/** How many there were of each when the page was made, or up to a minute before. */
export interface ShownKind {
  readonly kind: string
  readonly items: number
}

export interface Browsed {
  readonly items: readonly ShownItem[]
  /** Where older ones follow. */
  readonly next?: string | undefined
  /** The one that was asked for. */
  readonly kind?: string | undefined
  readonly kinds: readonly ShownKind[]
}

export const browsePage = ({ items, next, kind, kinds }: Browsed): Page => ({
  title: 'Prints of moving water',
  main: html`<h1>Prints of moving water</h1>
    ${kinds.length === 0 ? '' : html`<p class="kinds"><a href="/">All</a> ${kinds.map(kindLink)}</p>`}
    ${grid(items)}
    ${next === undefined ? '' : html`<p><a href="/?${new URLSearchParams({ ...(kind && { kind }), after: next })}" rel="next">Older prints</a></p>`}`,
})

const kindLink = ({ kind, items }: ShownKind): Markup => html`<a href="/?kind=${kind}">${kind} (${items})</a> `

export const searchPage = (q: string, items: readonly ShownItem[]): Page => ({
  title: q,
  main: html`<h1>${items.length === 0 ? 'Nothing' : items.length} for “${q}”</h1>
    ${grid(items)}`,
})

const grid = (items: readonly ShownItem[]): Markup => html`<ul class="grid">${items.map(card)}</ul>`

const card = ({ id, title, kind, price, currency, picture }: ShownItem): Markup => html`
      <li class="card"><a href="/items/${id}">
        ${picture === null ? '' : html`<img src="${thumbnail(picture)}" alt="" width="320" height="240" loading="lazy">`}
        <div><h2>${title}</h2><p>${kind}, ${money(price, currency)}</p></div>
      </a></li>`

export const itemPage = ({
  id,
  title,
  kind,
  place,
  description,
  price,
  currency,
  stock,
  picture,
}: ShownItem): Page => ({
  title,
  main: html`<article class="item">
      ${picture === null ? '' : html`<img src="${thumbnail(picture)}" alt="${title}" width="320" height="240">`}
      <div>
        <h1>${title}</h1>
        <p>${description}</p>
        <p>${kind}, ${place}</p>
        <p class="price">${money(price, currency)}</p>
        ${
          stock === 0
            ? html`<p>Sold out.</p>`
            : html`<form class="inline" method="post" action="/cart/items/${id}">
          <input type="number" name="more" value="1" min="1" max="99" aria-label="How many">
          <button>Put into the cart</button>
        </form><p>${stock} there.</p>`
        }
      </div>
    </article>`,
})

export const cartPage = ({ lines, total, currency, gone }: ShownCart, problem?: string): Page => ({
  title: 'Cart',
  main: html`<h1>Cart</h1>
    ${problemNote(problem)}
    ${gone.length === 0 ? '' : html`<p class="problem">Not sold any more: ${gone.length} of what was in here.</p>`}
    ${
      lines.length === 0
        ? html`<p>There is nothing in it yet. <a href="/">Look around.</a></p>`
        : html`<table>
      <thead><tr><th>Item</th><th>Quantity</th><th class="number">Price</th><th class="number">Total</th></tr></thead>
      <tbody>${lines.map(
        (line) => html`
        <tr>
          <td><a href="/items/${line.id}">${line.title}</a></td>
          <td><form class="inline" method="post" action="/cart/items/${line.id}">
            <input type="number" name="quantity" value="${line.quantity}" min="0" max="99" aria-label="Quantity of ${line.title}">
            <button>Change</button>
          </form></td>
          <td class="number">${money(line.price, currency)}</td>
          <td class="number">${money(line.total, currency)}</td>
        </tr>`,
      )}</tbody>
      <tfoot><tr><th colspan="3">All of it</th><td class="number price">${money(total, currency)}</td></tr></tfoot>
    </table>
    <p><a href="/checkout">Check out</a></p>`
    }`,
})

export const accountPage = (account: ShownAccount | undefined, next: string, problem?: string): Page => ({
  title: 'Account',
  main:
    account === undefined
      ? html`<h1>Who are you?</h1>
    ${problemNote(problem)}
    <div class="columns">
      <form class="fields" method="post" action="/account/login">
        <h2>Log in</h2>
        <input type="hidden" name="next" value="${next}">
        <label>E-mail <input type="email" name="email" autocomplete="username" required></label>
        <label>Password <input type="password" name="password" autocomplete="current-password" required></label>
        <button>Log in</button>
      </form>
      <form class="fields" method="post" action="/account/register">
        <h2>Register</h2>
        <input type="hidden" name="next" value="${next}">
        <label>Name <input name="name" autocomplete="name" maxlength="80" required></label>
        <label>E-mail <input type="email" name="email" autocomplete="username" required></label>
        <label>Password, 10 characters at least
          <input type="password" name="password" autocomplete="new-password" minlength="10" required></label>
        <button>Register</button>
      </form>
    </div>`
      : html`<h1>Hello, ${account.name}</h1>
    <p>You are logged in as ${account.email}. <a href="/orders">Your orders</a></p>
    <form method="post" action="/account/logout"><button>Log out</button></form>`,
})

/** Whatever is sent with the same key is bought once. */
export const checkoutPage = (cart: ShownCart, key: string, problem?: string): Page => ({
  title: 'Check out',
  main: html`<h1>Check out</h1>
    ${problemNote(problem)}
    <p class="price">${money(cart.total, cart.currency)}</p>
    <form class="fields" method="post" action="/checkout">
      <input type="hidden" name="key" value="${key}">
      <input type="hidden" name="total" value="${cart.total}">
      <label>Name <input name="name" autocomplete="name" required></label>
      <label>Street <input name="street" autocomplete="address-line1" required></label>
      <label>City <input name="city" autocomplete="address-level2" required></label>
      <label>Country, as two letters
        <input name="country" autocomplete="country" value="GB" pattern="[A-Z]{2}" maxlength="2" required></label>
      <label>Payment <select name="payment"><option value="card">Card</option></select></label>
      <button>Buy</button>
    </form>`,
})

export const checkoutStatusPage = ({ id, state, because, steps, total, currency }: ShownCheckout): Page => ({
  title: `Order ${id.slice(0, 8)}`,
  ...(state === 'running' && { refreshSeconds: 1 }),
  main: html`<h1>${headings.get(state) ?? state}</h1>
    ${problemNote(because)}
    <p class="price">${money(total, currency)}</p>
    <ol class="steps" data-state="${state}">${steps.map((each) => html`<li>${each.step}: ${each.state}</li>`)}</ol>
    ${
      state === 'undone'
        ? html`<form method="post" action="/orders/${id}/cart"><button>Put it into the cart again</button></form>`
        : ''
    }
    <p><a href="/orders">All orders</a></p>`,
})

const headings: ReadonlyMap<string, string> = new Map([
  ['running', 'Your order is on its way through the shop'],
  ['done', 'Thank you: your order is placed'],
  ['undone', 'Nothing was bought, and nothing is owed'],
])

/** Of an order whose checkout is forgotten. */
export const orderPage = ({ id, createdAt, state, total, currency }: ShownOrder): Page => ({
  title: `Order ${id.slice(0, 8)}`,
  main: html`<h1>Your order of ${createdAt.slice(0, 10)} was ${state}</h1>
    <p class="price">${money(total, currency)}</p>
    <p><a href="/orders">All orders</a></p>`,
})

export const ordersPage = ({ orders, next }: ShownOrders): Page => ({
  title: 'Orders',
  main: html`<h1>Orders</h1>
    ${
      orders.length === 0
        ? html`<p>You have not ordered anything yet.</p>`
        : html`<table>
      <thead><tr><th>Order</th><th>When</th><th>State</th><th class="number">Total</th></tr></thead>
      <tbody>${orders.map(
        ({ id, createdAt, state, total, currency }) => html`
        <tr><td><a href="/orders/${id}">${id.slice(0, 8)}</a></td><td>${createdAt.slice(0, 10)}</td><td>${state}</td>
          <td class="number">${money(total, currency)}</td></tr>`,
      )}</tbody>
    </table>`
    }
    ${next === undefined ? '' : html`<p><a href="/orders?after=${next}" rel="next">Older orders</a></p>`}`,
})

export const sellPage = (kinds: readonly string[], problem?: string): Page => ({
  title: 'Sell',
  main: html`<h1>List an item</h1>
    ${problemNote(problem)}
    <form class="fields" method="post" action="/sell" enctype="multipart/form-data">
      <label>Title <input name="title" maxlength="120" required></label>
      <label>Kind <select name="kind">${kinds.map((kind) => html`<option>${kind}</option>`)}</select></label>
      <label>Place <input name="place" maxlength="120" required></label>
      <label>Description <textarea name="description" rows="4" maxlength="4000" required></textarea></label>
      <label>Price in pounds <input name="price" inputmode="decimal" pattern="[0-9]+([.][0-9]{2})?" required></label>
      <label>How many <input type="number" name="stock" value="1" min="1" max="10000" required></label>
      <label>Photograph <input type="file" name="photograph" accept="image/*"></label>
      <label>Or its address on the web <input type="url" name="address" maxlength="1000"></label>
      <button>List it</button>
    </form>`,
})

export const problemPage = (title: string, detail: string): Page => ({
  title,
  main: html`<h1>${title}</h1><p>${detail}</p><p><a href="/">To the prints</a></p>`,
})
