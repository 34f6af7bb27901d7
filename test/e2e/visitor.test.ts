// Somebody in a browser, in the demo: looks around, fills a cart while origins die, and lists an item with a photograph.
// In headless Chromium, where there is one.
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodePng } from '../../workers/cli/demo/png.ts'
import { type Demo, startDemo } from './support/demo.ts'

const patience = { timeout: 120_000 }

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const hasBrowser = existsSync(executablePath)
if (!hasBrowser) {
  console.warn(`No browser at ${executablePath}: the visitor's tests are skipped. CHROMIUM_PATH names another place.`)
}

describe.skipIf(!hasBrowser)('a visitor in a browser', () => {
  let demo: Demo
  let browser: Browser
  let page: Page
  /** What went wrong on the visitor's screen or behind it. */
  const complaints: string[] = []

  beforeAll(async () => {
    const launched = chromium.launch({ executablePath, args: ['--no-sandbox'] })
    ;[demo, browser] = await Promise.all([startDemo(), launched])
    // Pages need no script of their own.
    page = await browser.newPage({ baseURL: demo.url, javaScriptEnabled: false })
    page.setDefaultTimeout(10_000)
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('requestfailed', (request) => complaints.push(`${request.method()} ${request.url()} failed`))
    page.on('response', (response) => {
      const { 'proxy-status': because = '' } = response.headers()
      if (response.status() >= 400) complaints.push(`${response.status()} of ${response.url()} ${because}`)
    })
  }, patience.timeout)

  afterAll(async () => {
    await browser?.close()
    await demo?.kill()
  })

  const control = (verb: 'kill' | 'revive', id: string) => fetch(`${demo.control}/${verb}/${id}`, { method: 'POST' })
  const maker = () => page.locator('.stamp b').innerText()
  const pictures = () => page.locator('main img').all()

  test('browses', async () => {
    await page.goto('/')
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Prints of moving water')
    for (const picture of await pictures()) await picture.scrollIntoViewIfNeeded()
    expect(await page.locator('main img').count()).toBe(6)
    await page
      .getByRole('article')
      .filter({ hasText: 'Moonlit lock' })
      .getByRole('link', { name: 'Look closer' })
      .click()
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Moonlit lock')
  })

  test('fills a cart while an origin dies', async () => {
    await page.getByRole('button', { name: 'Add to the cart' }).click()
    expect(page.url()).toBe(`${demo.url}/cart`)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Your cart: £24.00')
    const dead = await maker()
    await control('kill', dead)
    await page.reload()
    expect(await maker()).not.toBe(dead)
    await page.goto('/items/dawn')
    await page.getByRole('button', { name: 'Add to the cart' }).click()
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Your cart: £42.00')
    await control('revive', dead)
  })

  test('lists an item, and sees its thumbnail', async () => {
    await page.getByRole('link', { name: 'Sell' }).click()
    await page.getByLabel('Name').fill('Ripples <in> a row')
    await page.getByLabel('Place').fill('Behind the mill')
    await page.getByLabel('Price').fill('31.50')
    await page.getByLabel('Photograph').setInputFiles({
      name: 'ripples.png',
      mimeType: 'image/png',
      buffer: encodePng(
        900,
        500,
        Uint8Array.from({ length: 900 * 500 * 3 }, (_, i) => (i * i) >> 12),
      ),
    })
    await page.getByRole('button', { name: 'Sell it' }).click()
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Ripples <in> a row')
    expect(page.url()).toMatch(/\/items\/[0-9a-f]{12}$/)
    await page.getByRole('button', { name: 'Add to the cart' }).click()
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Your cart: £73.50')
    const thumbnail = page.getByRole('main').locator('form', { hasText: 'Ripples' }).locator('img')
    const url = new URL((await thumbnail.getAttribute('src'))!, demo.url).href
    expect(await decoded(browser, url)).toEqual({
      type: 'image/webp',
      width: 320,
      height: 240,
    })
  })

  test('meets no error on the way', () => expect(complaints).toEqual([]))
})

/** A picture as this browser decodes it. */
async function decoded(browser: Browser, url: string) {
  const own = await browser.newPage()
  const response = await own.goto(url)
  const size = await own.locator('img').evaluate((image) => {
    const { naturalWidth: width, naturalHeight: height } = image as unknown as Record<string, number>
    return { width, height }
  })
  await own.close()
  return { type: response?.headers()['content-type'], ...size }
}
