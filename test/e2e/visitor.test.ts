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
    page.on('requestfailed', (request) => {
      const { errorText = '' } = request.failure() ?? {}
      // What was still under way when the visitor went on.
      if (errorText !== 'net::ERR_ABORTED') complaints.push(`${request.method()} ${request.url()}: ${errorText}`)
    })
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
  const heading = () => page.getByRole('heading', { level: 1 }).innerText()
  /** Goes there, and gives the origin that the page came from. */
  const maker = async (path: string) => (await page.goto(path))!.headers()['x-origin']!

  test('browses', async () => {
    await page.goto('/')
    expect(await heading()).toBe('Prints of moving water')
    expect(await page.locator('main img').count()).toBe(24)
    await page.getByRole('searchbox').fill('moonlight canvas')
    await page.getByRole('searchbox').press('Enter')
    expect(await heading()).toMatch(/^\d+ for “moonlight canvas”$/)
    await page.getByRole('link', { name: 'Moonlight at Lock Seven' }).click()
    expect(await heading()).toBe('Moonlight at Lock Seven')
    expect(page.url()).toBe(`${demo.url}/items/moon-6-canvas`)
  })

  test('fills a cart while an origin dies', async () => {
    const add = () => page.getByRole('button', { name: 'Put into the cart' }).click()
    await add()
    expect(page.url()).toBe(`${demo.url}/cart`)
    const dead = await maker('/cart')
    await control('kill', dead)
    expect(await maker('/cart')).not.toBe(dead)
    await page.goto('/items/dawn-1-print')
    await add()
    expect(await page.getByRole('link', { name: /^(Moonlight at Lock Seven|Dawn at the Upper Ford)$/ }).count()).toBe(2)
    await control('revive', dead)
  })

  test('checks out, and sees what becomes of it', async () => {
    await page.getByRole('link', { name: 'Check out' }).click()
    expect(await heading()).toBe('Who are you?')
    const register = page.locator('form', { has: page.getByRole('heading', { name: 'Register' }) })
    await register.getByLabel('Name').fill('Ada')
    await register.getByLabel('E-mail').fill('ada@example.com')
    await register.getByLabel('Password').fill('the weir at dawn')
    await register.getByRole('button').click()
    expect(page.url()).toBe(`${demo.url}/checkout`)
    await page.getByLabel('Name').fill('Ada')
    await page.getByLabel('Street').fill('1 Mill Lane')
    await page.getByLabel('City').fill('Fordham')
    await page.getByRole('button', { name: 'Buy' }).click()
    expect(page.url()).toMatch(/\/orders\/[\w-]+$/)
    // The page looks again by itself until the order has come to its end.
    await page.getByRole('heading', { name: 'Thank you: your order is placed' }).waitFor({ timeout: 20_000 })
    await page.goto('/orders')
    expect(await page.getByRole('row').count()).toBe(2)
  })

  test('lists an item, and sees its thumbnail', async () => {
    await page.getByRole('link', { name: 'Sell' }).click()
    await page.getByLabel('Title').fill('Ripples <in> a row')
    await page.getByLabel('Place').fill('Behind the mill')
    await page.getByLabel('Description').fill('Still counting')
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
    await page.getByRole('button', { name: 'List it' }).click()
    expect(await heading()).toBe('Ripples <in> a row')
    await page.goto('/')
    const thumbnail = page.getByRole('link', { name: 'Ripples <in> a row' }).locator('img')
    const url = new URL((await thumbnail.getAttribute('src'))!, demo.url).href
    expect(await decoded(browser, url)).toEqual({ type: 'image/webp', width: 320, height: 240 })
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
