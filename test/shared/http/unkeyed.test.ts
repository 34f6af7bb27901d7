import { readFileSync } from 'node:fs'
import { escape as escapeQuery } from 'node:querystring'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  isPersonal,
  isReadable,
  reflects,
  reflectsInHead,
  spellings,
  tellingValues,
  unlisted,
} from '../../../shared/http/unkeyed.ts'

const host = 'www.example.com'

const chrome = {
  host,
  connection: 'keep-alive',
  'cache-control': 'max-age=0',
  'sec-ch-ua': '"Google Chrome";v="141", "Not?A_Brand";v="8", "Chromium";v="141"',
  'sec-ch-ua-mobile': '?0',
  'sec-ch-ua-platform': '"Windows"',
  dnt: '1',
  'upgrade-insecure-requests': '1',
  'user-agent':
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  accept:
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,' +
    'application/signed-exchange;v=b3;q=0.7',
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-user': '?1',
  'sec-fetch-dest': 'document',
  referer: `https://${host}/news/archive/?page=2&sort=price_asc`,
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7',
  cookie: '_ga=GA1.1.1234567890.1700000000; theme=dark-mode; tz=Europe/Berlin; consent=accepted; n=1; empty=',
  priority: 'u=0, i',
}

/** What browsers and other programs send with a GET. */
const clients: Record<string, Record<string, string>> = {
  'Chrome, a page': chrome,
  'Chrome, a script from another host': {
    host: 'static.example.com',
    'sec-ch-ua-platform': '"Android"',
    'user-agent': 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile',
    'sec-ch-ua': '"Google Chrome";v="141", "Not?A_Brand";v="8", "Chromium";v="141"',
    'sec-ch-ua-mobile': '?1',
    accept: '*/*',
    'sec-fetch-site': 'same-site',
    'sec-fetch-mode': 'no-cors',
    'sec-fetch-dest': 'script',
    'sec-fetch-storage-access': 'active',
    referer: 'https://www.example.com/',
    'accept-encoding': 'gzip, deflate, br, zstd',
    'accept-language': 'pt-BR,pt;q=0.9',
    'if-none-match': 'W/"5e1-19a0b3c4d5e"',
    'if-modified-since': 'Wed, 21 Oct 2026 07:28:00 GMT',
    'save-data': 'on',
    'device-memory': '8',
    dpr: '2.625',
    ect: '4g',
    'viewport-width': '412',
    'sec-purpose': 'prefetch;prerender',
    purpose: 'prefetch',
  },
  'Firefox, a page, by HTTP/3': {
    host,
    'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'accept-language': 'en-US,en;q=0.5',
    'accept-encoding': 'gzip, deflate, br, zstd',
    referer: 'https://example.com/',
    'alt-used': host,
    connection: 'keep-alive',
    'upgrade-insecure-requests': '1',
    'sec-fetch-dest': 'document',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': 'cross-site',
    'sec-gpc': '1',
    priority: 'u=0, i',
    pragma: 'no-cache',
    'cache-control': 'no-cache',
    te: 'trailers',
  },
  'Firefox, a picture': {
    host,
    accept: 'image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5',
    'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
    referer: `https://${host}/news/archive/`,
    'sec-fetch-dest': 'image',
    priority: 'u=4, i=?0',
  },
  'Safari, a page': {
    host,
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'sec-fetch-site': 'none',
    'user-agent':
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) ' +
      'Version/26.0 Safari/605.1.15',
    'accept-language': 'en-GB,en;q=0.9',
    'accept-encoding': 'gzip, deflate, br',
  },
  'a player of video': {
    host,
    'x-playback-session-id': 'F46E2F1D-8D0A-4C8E-9B0E-6C1F6E2F0A11',
    'user-agent': 'AppleCoreMedia/1.0.0.22A3354 (iPhone; U; CPU OS 18_0 like Mac OS X; en_us)',
    range: 'bytes=0-1048575',
    'accept-language': 'zh-Hant-TW,zh-Hant;q=0.9',
  },
  'a program that is traced': {
    host,
    accept: 'application/json, text/plain, */*',
    'content-type': 'application/json; charset=utf-8',
    'sentry-trace': '771a43a4192642f0b136d5159a501700-7d2a1b2c3d4e5f60-1',
    'x-amzn-trace-id': 'Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1',
    'x-datadog-trace-id': '4894368987250689538',
    'x-datadog-origin': 'rum',
    'x-b3-traceid': '80f198ee56343ba864fe8b2a57d3eff7',
    b3: '80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90',
    'uber-trace-id': '80f198ee56343ba8:e457b5a2e4d86bd1:0:1',
    'request-id': '|80f198ee56343ba8',
    'x-correlation-id': '7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708',
    traceparent: '00-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01',
  },
  curl: { host, 'user-agent': 'curl/8.15.0', accept: '*/*' },
  wget: { host, 'user-agent': 'Wget/1.25.0', accept: '*/*', 'accept-encoding': 'identity', connection: 'Keep-Alive' },
  'fetch of Node': {
    host,
    accept: '*/*',
    'accept-language': '*',
    'sec-fetch-mode': 'cors',
    'user-agent': 'node',
    'accept-encoding': 'gzip, deflate',
  },
  'a crawler': {
    host,
    from: 'googlebot(at)googlebot.com',
    'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    accept: 'text/html,application/xhtml+xml,application/signed-exchange;v=b3,application/xml;q=0.9,*/*;q=0.8',
  },
}

/** Says much of what requests say, as pages and scripts do. */
const page = `<!doctype html><html lang="de-DE"><head><meta charset="utf-8">
<link rel="canonical" href="https://www.example.com/news/archive/?page=3&amp;sort=price_asc">
<link rel="prev" href="/news/archive/?page=2&amp;sort=price_asc"><base href="https://www.example.com/">
<script type="application/json">{"url":"https:\\/\\/www.example.com\\/news\\/archive\\/","theme":"dark-mode",
"zone":"Europe/Berlin","state":"accepted"}</script>
<script>if (/AppleWebKit|Mozilla\\/5\\.0|like Gecko|Gecko\\/20100101/.test(navigator.userAgent) &&
  navigator.platform === "Windows" && document.referrer !== 'https://example.com/') fetch("/api", {
  mode: 'same-origin', headers: { accept: 'application/json, text/plain, */*', 'x-requested-with': 'XMLHttpRequest',
  'cache-control': 'no-cache', 'content-type': 'application/json; charset=utf-8' } })</script></head>
<body class="dark-mode"><a href="https://www.example.com/news/archive/">Archive</a> gzip, deflate, br, zstd
navigate keep-alive prefetch trailers max-age=0 Wed, 21 Oct 2026 07:28:00 GMT</body></html>`

const script = readFileSync(new URL(import.meta.resolve('miniflare')), 'utf8')

describe.each(Object.entries(clients))('%s', (_, fields) => {
  it('sends nothing that is not on the list', () => {
    expect(unlisted(Object.keys(fields), [])).toEqual([])
  })

  test.each([
    ['page', page],
    ['script', script],
  ])('says nothing that an innocent %s says', (_, text) => {
    const values = tellingValues(Object.entries(fields), [], fields.host!)
    expect(values!.filter((value) => reflects(text, spellings([value])))).toEqual([])
  })

  it('is told by what names it', () => {
    const agent = fields['user-agent'] ?? ''
    const values = tellingValues(Object.entries(fields), [], fields.host!)!
    if (agent.length < 8) expect(values).toEqual([])
    else expect(reflects(`You use ${agent}.`, spellings(values))).toBe(true)
  })
})

describe('names that an answer may depend on', () => {
  test.each<[string, string[], string[], string[]]>([
    ['what nobody knows', ['foo', 'debug'], [], ['debug', 'foo']],
    ['in lower case, each once', ['Foo', 'foo'], [], ['foo']],
    ['but not what is keyed', ['foo', 'debug'], ['debug'], ['foo']],
    ['nor what no origin gets to see', ['x-forwarded-host', 'x_y', 'cf-ray', 'te'], [], []],
    ['nor what has rules of its own', ['authorization', 'cookie'], [], []],
    [
      'but what makes a request another one',
      ['origin', 'prefer', 'accept-version'],
      [],
      ['accept-version', 'origin', 'prefer'],
    ],
    ['and what asks for an application', ['x-requested-with', 'x-api-key'], [], ['x-api-key', 'x-requested-with']],
    ['nothing of nothing', [], [], []],
  ])('%s', (_, names, keyed, verdict) => expect(unlisted(names, keyed)).toEqual(verdict))

  test.each([
    'x-api-key',
    'x-anything',
    'api-key',
    'my-token',
    'remote-user',
    'session',
    'xsrf',
    'jwt-assertion',
    'client-cert',
    'cookie2',
    'php-auth-pw',
    'password',
    'signature-input',
  ])('%s may say who asks', (name) => expect(isPersonal(name)).toBe(true))

  test.each(['foo', 'origin', 'debug', 'x-requested-with', 'hx-request', 'prefer', 'icy-metadata'])(
    '%s hardly says who asks',
    (name) => expect(isPersonal(name)).toBe(false),
  )
})

describe('what is telling in a field', () => {
  const long = 'x'.repeat(400)
  test.each<[string, string, string, string[]]>([
    ['all of what nobody knows', 'foo', 'evil.example', ['evil.example']],
    ['of several fields each', 'foo', 'evil.example, bar', ['evil.example']],
    ['nothing that is short', 'foo', '1234567', []],
    ['at eight characters it begins', 'foo', '12345678', ['12345678']],
    ['a browser', 'user-agent', 'Some Browser/1.0, really', ['Some Browser/1.0, really']],
    ['what is long', 'user-agent', long, [long]],
    ['an address', 'from', 'me@evil.example', ['me@evil.example']],
    ['the address of the client', 'x-forwarded-for', '203.0.113.7', ['203.0.113.7']],
    ['not that of a laptop', 'x-forwarded-for', '127.0.0.1', []],
    ['nothing that the gateway says', 'x-request-id', '7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708', []],

    ['no word of a field', 'accept', 'text/html, image/*;q=0.8, application/vnd.api+json', []],
    ['a type that nobody asks for', 'accept', 'text/html, image/evil.example', ['image/evil.example']],
    ['a parameter', 'accept', 'text/html;q="evil.example"', ['evil.example']],
    ['all of it where its parts are short', 'accept', '"><b>, <i>,*/*', ['"><b>, <i>,*/*']],
    ['languages', 'accept-language', 'sr-Latn-RS, de-1996;q=0.5, *;q=0.1', []],
    ['what is no language', 'accept-language', 'en, pwned-by-evil', ['pwned-by-evil']],
    ['charsets', 'accept-charset', 'utf-8, iso-8859-1;q=0.5', []],
    ['what is no charset', 'accept-charset', 'evil.example', ['evil.example']],
    ['directives', 'cache-control', 'no-cache, max-age=0', []],
    ['what is no directive', 'cache-control', 'no-cache, community="evil"', ['community="evil"']],
    ['a dictionary word in the wrong field', 'dnt', 'navigate', ['navigate']],
    ['platforms', 'sec-ch-ua-platform', '"Chrome OS"', []],
    ['what is no platform', 'sec-ch-ua-platform', '"<script>"', ['"<script>"']],
    ['gateways', 'via', '1.1 varnish, 1.1 weir', []],
    ['a gateway by its host', 'via', '1.1 evil.example, 1.1 weir', ['1.1 evil.example']],
    ['dates', 'if-modified-since', 'Wed, 21 Oct 2026 07:28:00 GMT', []],
    ['what is no date', 'if-modified-since', 'Wed, evil.example', ['evil.example']],
    ['validators', 'if-none-match', '"evil.example"', ['evil.example']],
    ['what stands between quotes', 'user-agent', `x"><a href='//evil.example'>`, ['evil.example']],
    ['also where they are coded', 'user-agent', 'x%22%3Eevil.example%27%5C%26', ['evil.example']],
    ['but not words', 'sec-ch-ua', '"Google Chrome";v="141"', ['"Google Chrome";v="141"']],
    ['identifiers', 'x-b3-traceid', '80f198ee56343ba864fe8b2a57d3eff7', []],
    ['what is no identifier', 'x-b3-traceid', 'evil.example', ['evil.example']],
    ['scripts that ask', 'x-requested-with', 'XMLHttpRequest', []],
    ['applications that ask', 'x-requested-with', 'com.evil.example', ['com.evil.example']],

    [
      'cookies, but for plain words',
      'cookie',
      'a=evil.example; theme=dark-mode; id=12345678',
      ['evil.example', '12345678'],
    ],
    ['short cookies with more than a word, by their names', 'cookie', 'theme="><b>', ['theme="><b>']],
    ['cookies by the name', 'cookie', 'evil.example=1', ['evil.example=1']],
    ['cookies of several fields', 'cookie', 'a=evil.example, b=2', ['evil.example']],
    ['what is no cookie', 'cookie', 'evil.example', ['evil.example']],
    ['credentials', 'authorization', 'Bearer abcdefgh', ['abcdefgh']],

    ['no page of the same host', 'referer', `https://${host}/a/b-c_d.html?page=2&sort=price_asc`, []],
    ['no page of the same site', 'referer', 'https://shop.example.com/a', []],
    ['another host', 'referer', 'https://evil.example/a/b', ['evil.example']],
    ['another host, however short', 'referer', 'https://e.io/', ['https://e.io/']],
    ['another host that looks like this one', 'referer', `https://${host}.evil.io/`, [`${host}.evil.io`]],
    ['another host behind this one', 'referer', `https://${host}@evil.io/`, [`${host}@evil.io`]],
    ['a host with more than a name', 'referer', `https://"><b>.${host}/`, [`.${host}`]],
    ['a path that leads away', 'referer', `https://${host}//evil.example`, ['//evil.example']],
    ['a path with markup', 'referer', `https://${host}/%3Cscript%3E`, ['/%3Cscript%3E']],
    ['no path in another script', 'referer', `https://${host}/%D0%B4%D0%B0`, []],
    ['a parameter with more than words', 'referer', `https://${host}/?a=b&next=//evil.example`, ['//evil.example']],
    ['a short one with its name', 'referer', `https://${host}/?qq="><b>`, ['qq="><b>']],
    ['what is no URL', 'referer', 'evil.example', ['evil.example']],
    ['another origin', 'origin', 'https://evil.example', ['https://evil.example']],
    ['not the own one', 'origin', `https://${host}:8443`, []],
    ['nor that of a neighbour', 'origin', 'https://static.example.com', []],
    ['nor none', 'origin', 'null', []],
    ['another host in use', 'alt-used', 'evil.example', ['evil.example']],
    ['not the own one in use', 'alt-used', host, []],
  ])('%s', (_, name, value, verdict) => {
    const values = tellingValues([[name, value]], [], host)!
    expect(values.toSorted()).toEqual(verdict.toSorted())
  })

  test.each<[string, string, boolean]>([
    ['itself', 'www.shop.co.uk', true],
    ['itself in capitals, on another port', 'WWW.Shop.co.uk:8443', true],
    ['a name above', 'shop.co.uk', true],
    ['a name below', 'a.www.shop.co.uk', true],
    ['a neighbour', 'static.shop.co.uk', true],
    ['another customer of the registry', 'evil.co.uk', false],
    ['the registry', 'co.uk', true],
    ['another top level', 'www.shop.co.il', false],
  ])('%s is of one site with www.shop.co.uk', (_, other, isSame) => {
    const values = tellingValues([['origin', `https://${other}`]], [], 'www.shop.co.uk')
    expect(values).toEqual(isSame ? [] : [`https://${other}`])
  })

  it('nothing that is keyed', () => {
    expect(tellingValues([['User-Agent', 'evil.example']], ['user-agent'], host)).toEqual([])
  })

  it('nothing twice, and nothing that contains another', () => {
    const fields: [string, string][] = [
      ['foo', 'evil.example'],
      ['bar', 'evil.example'],
      ['user-agent', 'Mozilla/5.0 (evil.example)'],
    ]
    expect(tellingValues(fields, [], host)).toEqual(['evil.example'])
  })
})

describe('what nobody can look for', () => {
  const many = (count: number, length: number): [string, string][] =>
    Array.from({ length: count }, (_, index) => [`foo-${index}`, `${index}`.padEnd(length, 'x')])

  test.each<[string, [string, string][], boolean]>([
    ['a few values', many(128, 20), true],
    ['too many', many(129, 20), false],
    ['long ones', many(20, 10_000), true],
    ['too many characters', many(40, 10_000), false],
    ['UTF-8', [['user-agent', 'Mozilla/5.0 ünïcode']], false],
    ['what is no text', [['user-agent', 'Mozilla/5.0 \ufffd']], false],
    ['UTF-8 in code', [['referer', `https://${host}/?q=%D0%B4%D0%B0`]], true],
    ['another code', [['referer', `https://${host}/?q=aaaaaaa%E9`]], false],
    ['where it is keyed or short, it does not matter', [['foo', 'é']], true],
  ])('%s', (_, fields, isPossible) => {
    expect(tellingValues(fields, [], host) !== undefined).toBe(isPossible)
  })

  test.each(['a', 'a-', 'a/', '0', '/', '%20', '%', ';', '="', ', ', '1.', 'root', 'text/', 'bytes=', '\\', 'Aa '])(
    'takes no time over %j, again and again',
    (piece) => {
      const value = `${piece.repeat(8000)}!`
      const names = Object.values(clients).flatMap((fields) => Object.keys(fields))
      for (const name of new Set([...names, 'via', 'origin', 'if-range', 'accept-charset', 'foo'])) {
        spellings(tellingValues([[name, value]], [], host) ?? [])
        tellingValues([['referer', `https://${host}/${value}?${value}`]], [], host)
      }
    },
  )
})

const html = (text: string, table: Record<string, string>) => text.replace(/[&<>"']/g, (one) => table[one] ?? one)

/** How others escape, by other means than ours. */
const escapers: Record<string, (text: string) => string> = {
  'as it came': (text) => text,
  'in capitals': (text) => text.toUpperCase(),
  'part of a URL': encodeURIComponent,
  'a whole URL': encodeURI,
  'a query by Node': escapeQuery,
  'a form': (text) => new URLSearchParams([['', text]]).toString().slice(1),
  'a query by a URL parser': (text) => new URL(`https://h/?${text.replaceAll('#', '%23')}`).search,
  JSON: JSON.stringify,
  'JSON within JSON keeps what needs no escape': (text) => JSON.stringify(text).slice(1, -1),
  'JSON by PHP': (text) => JSON.stringify(text).replaceAll('/', '\\/'),
  'JSON by Go': (text) => JSON.stringify(text).replace(/[<>&]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`),
  'text in HTML': (text) => html(text, { '&': '&amp;', '<': '&lt;', '>': '&gt;' }),
  'an attribute by PHP': (text) => html(text, { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#039;' }),
  'an attribute by Python': (text) =>
    html(text, { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' }),
  'an attribute by Go': (text) => html(text, { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }),
  'an attribute in XML': (text) => html(text, { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }),
  'by numbers': (text) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`),
  'by numbers in hexadecimal': (text) => text.replace(/[&<>"'`]/g, (one) => `&#x${one.charCodeAt(0).toString(16)};`),
}

const printable = fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)) })
const value = fc
  .oneof(
    printable,
    fc
      .array(fc.constantFrom('<script>', '"', "'", '&', '//', 'evil', '.', '=', '%', '\\', '/', ' '))
      .map((parts) => parts.join('')),
  )
  .map((text) => `${text}evil.com`.trim())

describe.each(Object.entries(escapers))('a value that comes back escaped: %s', (_, spell) => {
  it('is found', () => {
    fc.assert(
      fc.property(value, fc.string(), fc.string(), (said, before, after) => {
        expect(reflects(before + spell(said) + after, spellings([said]))).toBe(true)
      }),
    )
  })

  it('is found where it was sent in code', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const sent = encodeURIComponent(`${text}evil.com`.toWellFormed())
        // The letters beyond ASCII have no capitals here: what is made of them is not told by their bytes.
        const back = decodeURIComponent(sent)
        if (spell('é') === 'É') return
        expect(reflects(`<p>${spell(back)}</p>`, spellings([sent]))).toBe(true)
      }),
    )
  })
})

test.each(['ua"evil.example', "'><a href=//evil.example>", 'x&y=evil.example', 'ua\\evil.example'])(
  'a value that comes back escaped twice is found: %s',
  (said) => {
    const spelled = spellings(tellingValues([['user-agent', said]], [], host)!)
    const spells = Object.values(escapers)
    for (const outer of spells) for (const inner of spells) expect(reflects(outer(inner(said)), spelled)).toBe(true)
  },
)

describe('a text says it again', () => {
  const spelled = spellings(['evil.example'])
  test.each<[string, string, boolean]>([
    ['alone', 'evil.example', true],
    ['amid others', 'not evil.example.', true],
    ['in capitals', 'EVIL.Example', true],
    ['not a part of it', 'evil.exampl', false],
    ['not empty', '', false],
  ])('%s', (_, text, verdict) => expect(reflects(text, spelled)).toBe(verdict))

  it('of a long one its beginning', () => {
    const long = 'abcdefghij'.repeat(100)
    expect(reflects(long.slice(0, 256), spellings([long]))).toBe(true)
    expect(reflects(long.slice(0, 255), spellings([long]))).toBe(false)
  })

  it('nothing where there is nothing to find', () => {
    expect(spellings([])).toEqual([])
    expect(reflects('anything', [])).toBe(false)
    expect(reflectsInHead([['x-said', 'anything']], [])).toBe(false)
  })

  test.each<[string, string, boolean]>([
    ['Location', 'https://h/?from=evil.example', true],
    ['X-Said', 'evil.example', true],
    ['ETag', '"evil.example"', false],
    ['Last-Modified', 'evil.example', false],
    ['Server', 'nginx', false],
  ])('in the field %s: %s', (name, text, verdict) => {
    expect(
      reflectsInHead(
        [
          ['server', 'x'],
          [name, text],
        ],
        spelled,
      ),
    ).toBe(verdict)
  })
})

test.each<[string | null, boolean]>([
  [null, true],
  ['text/html; charset=utf-8', true],
  ['application/json', true],
  ['application/octet-stream', true],
  ['image/svg+xml', true],
  ['image/png', false],
  ['IMAGE/PNG', false],
  ['video/mp4', false],
  ['audio/mpeg', false],
  ['font/woff2', false],
])('a body of %s may be read: %s', (contentType, verdict) => expect(isReadable(contentType)).toBe(verdict))
