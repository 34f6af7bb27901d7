import { readFileSync } from 'node:fs'
import { escape as escapeQuery } from 'node:querystring'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { hopByHopFields } from '../../../shared/http/fields.ts'
import { isReadable, lookFor, repeatsInHead, searchFor, tellingValues } from '../../../shared/http/reflection.ts'
import { unlisted } from '../../../shared/http/unkeyed.ts'

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

/** What an origin gets of it. */
function sent(fields: Record<string, string>): [string, string][] {
  const ended = ['host', ...hopByHopFields({ get: (name) => fields[name] ?? null })]
  return Object.entries(fields).filter(([name]) => !ended.includes(name))
}

/** Whether a body says one of these again. */
const repeats = (body: string, values: readonly string[]) => searchFor(values)(new TextEncoder().encode(body))

describe.each(Object.entries(clients))('%s', (_, fields) => {
  const values = tellingValues(sent(fields), [], fields.host!)!

  it('sends nothing that is not on the list', () => {
    expect(unlisted(Object.keys(fields), [])).toEqual([])
  })

  test.each([
    ['page', page],
    ['script', script],
  ])('says nothing that an innocent %s says', (_, text) => {
    expect(values.filter((value) => repeats(text, [value]))).toEqual([])
  })

  it('is told by what names it', () => {
    const agent = fields['user-agent'] ?? ''
    expect(repeats(`You use ${agent}.`, values)).toBe(agent.length >= 8)
  })
})

describe('what is telling in a field', () => {
  const long = 'x'.repeat(400)
  test.each<[string, string, string, string[]]>([
    ['all of what nobody knows, in bare form', 'foo', 'Evil.example, bar', ['evilexamplebar']],
    ['nothing that is short', 'foo', '1234567, /', []],
    ['from eight letters and digits on', 'foo', '1234-5678', ['12345678']],
    ['a browser', 'user-agent', 'Some Browser/1.0, really', ['somebrowser10really']],
    ['of what is long its beginning', 'user-agent', long, [long.slice(0, 256)]],
    ['what is left of UTF-8', 'user-agent', 'Möz\ufffdilla/5.0', ['mzilla50']],
    ['without its escapes', 'user-agent', 'a%2Fb&#99;&amp;quot;d\\u0065fgh%2569', ['abcdefghi']],
    ['an address', 'from', 'me@evil.example', ['meevilexample']],
    ['the address of the client', 'x-forwarded-for', '203.0.113.77', ['203011377']],
    ['not that of a laptop', 'x-forwarded-for', '127.0.0.1', []],
    ['nothing that the gateway says', 'x-request-id', '7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708', []],
    ['scripts that ask', 'x-requested-with', 'XMLHttpRequest', []],
    ['applications that ask', 'x-requested-with', 'com.evil.example.org', ['comevilexampleorg']],

    ['no usual word', 'sec-fetch-mode', 'navigate', []],
    ['from sixteen letters and digits on', 'sec-fetch-mode', 'evil.example.org', []],
    ['what nobody says there', 'sec-fetch-mode', 'evil.example.org/evil', ['evilexampleorgevil']],
    ['no usual types', 'accept', 'application/json, text/plain, */*', []],
    ['nor codings', 'accept-encoding', 'gzip, deflate, br, zstd', []],
    [
      'a type that nobody asks for',
      'accept',
      'text/html, image/www.evil.example.org',
      ['texthtmlimagewwwevilexampleorg'],
    ],
    ['no dates', 'if-modified-since', 'Wed, 21 Oct 2026 07:28:00 GMT', []],
    ['what is no date', 'if-modified-since', 'Wed, evil.example.org', ['wedevilexampleorg']],
    ['no identifiers', 'x-amzn-trace-id', 'Root=1-67891233-abcdef012345678912345678;Sampled=1', []],
    ['what is no identifier', 'x-amzn-trace-id', 'Root=1-evil.example.org', ['root1evilexampleorg']],
    ['no ranges', 'range', 'bytes=1000000000-2000000000', []],

    ['long cookies', 'cookie', 'a=evil.example.org; theme=dark-mode; id=0123456789abcdef', ['0123456789abcdef']],
    ['cookies of several fields', 'cookie', 'a=www.evil.example.org, b=2', ['wwwevilexampleorg']],
    ['cookies by a strange name', 'cookie', 'www.evil.example.org=1', ['wwwevilexampleorg1']],
    ['not by a usual one', 'cookie', 'cookieconsent_status=accepted', []],
    ['what is no cookie', 'cookie', 'www.evil.example.org', ['wwwevilexampleorg']],
    ['credentials', 'authorization', 'Bearer abcdefgh.abcdefgh', ['abcdefghabcdefgh']],

    ['no page of the same host', 'referer', `https://${host}/a/b-c_d.html?page=2&sort=price_asc`, []],
    ['no page of the same site', 'referer', 'https://shop.example.com:8443/a', []],
    ['another host', 'referer', 'https://evil.example/a/b', ['httpsevilexampleab']],
    ['another host that looks like this one', 'referer', `https://${host}.e.io/`, ['httpswwwexamplecomeio']],
    ['another host behind this one', 'referer', `https://${host}@e.io/`, ['httpswwwexamplecomeio']],
    ['a host with more than a name', 'referer', `https://"><b>.${host}/`, ['httpsbwwwexamplecom']],
    ['a path that leads away', 'referer', `https://${host}//evil.example`, ['evilexample']],
    ['a path with markup', 'referer', `https://${host}/%3Cscript%3E/x`, []],
    ['a path with more markup', 'referer', `https://${host}/%3Cscript%3E/evil`, ['scriptevil']],
    [
      'and a parameter beside it',
      'referer',
      `https://${host}/%3Cscript%3E/evil?next=//evil.example`,
      ['scriptevil', 'evilexample'],
    ],
    ['no path in another script', 'referer', `https://${host}/%D0%B4%D0%B0-%D0%B4%D0%B0/some-name`, []],
    ['a parameter with more than words', 'referer', `https://${host}/?a=b&next=//evil.example`, ['evilexample']],
    ['a long one', 'referer', `https://${host}/?token=${'x'.repeat(33)}`, ['x'.repeat(33)]],
    ['not one in another script', 'referer', `https://${host}/?q=%C3%A9t%C3%A9+en+Bretagne`, []],
    ['what is no URL', 'referer', 'evil.example', ['evilexample']],
    ['another origin', 'origin', 'https://evil.example', ['httpsevilexample']],
    ['not the own one', 'origin', `https://${host}:8443`, []],
    ['nor none', 'origin', 'null', []],
    ['another host in use', 'alt-used', 'www.evil.example.org', ['wwwevilexampleorg']],
    ['not the own one in use', 'alt-used', host, []],
  ])('%s', (_, name, value, verdict) => expect(tellingValues([[name, value]], [], host)).toEqual(verdict))

  test.each<[string, string, boolean]>([
    ['itself', 'www.shop.co.uk', true],
    ['itself in capitals, on another port', 'WWW.Shop.co.uk:8443', true],
    ['a name above', 'shop.co.uk', true],
    ['a name below', 'a.www.shop.co.uk', true],
    ['a neighbour', 'static.shop.co.uk', true],
    ['another customer of the registry', 'evil.co.uk', false],
    ['another top level', 'www.shop.co.il', false],
  ])('%s is of one site with www.shop.co.uk', (_, other, isSame) => {
    const values = tellingValues([['origin', `https://${other}`]], [], 'www.shop.co.uk')
    expect(values?.length).toBe(isSame ? 0 : 1)
  })

  it('nothing that is keyed, and nothing twice', () => {
    const fields: [string, string][] = [
      ['User-Agent', 'evil.example'],
      ['foo', 'good.example'],
      ['bar', 'Good/Example'],
    ]
    expect(tellingValues(fields, ['user-agent'], host)).toEqual(['goodexample'])
  })
})

describe('what nobody can look for', () => {
  const many = (count: number): [string, string][] =>
    Array.from({ length: count }, (_, index) => [`foo-${index}`, `barbarbar${index}`])
  /** A script without letters, behind the shortest name of an event. */
  const mute = `<q oncut=${'[]+!'.repeat(8)}>`

  test.each<[string, [string, string][], boolean]>([
    ['a few values', many(64), true],
    ['too many', many(65), false],
    ['what hardly has letters', [['user-agent', mute]], false],
    ['also in a cookie', [['cookie', `a=${mute}`]], false],
    ['what parsers of URLs drop', [['foo', 'evil&#4\t1;example']], false],
    ['another script', [['cookie', `city=${encodeURIComponent('Санкт-Петербург')}`]], true],
    ['four escapes, one within the other', [['foo', 'evil%25252541example']], true],
    ['more of them', [['foo', 'evil%2525252541example']], false],
  ])('%s', (_, fields, isPossible) => expect(tellingValues(fields, [], host) !== undefined).toBe(isPossible))

  test.each(['a', 'a-', 'a/', '0', '/', '%25', '%', '&amp;', '&', '="', ', ', '1.', 'root', 'bytes=', '\\', 'Aa '])(
    'takes no time over %j, again and again',
    (piece) => {
      const value = `${piece.repeat(8000)}!`
      for (const name of ['accept', 'origin', 'cookie', 'foo']) tellingValues([[name, value]], [], host)
      tellingValues([['referer', `https://${host}/${value}?${value}`]], [], host)
      repeats(value, ['evilexample'])
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
  'a script': (text) => text.replace(/[ -/:-@[-`{-~]/g, (one) => `\\x${one.charCodeAt(0).toString(16)}`),
  'by numbers': (text) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`),
  'by numbers in hexadecimal': (text) => text.replace(/[&<>"'`]/g, (one) => `&#x${one.charCodeAt(0).toString(16)};`),
}

const printable = fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)) })
const pieces = [
  '<script>',
  '"',
  "'",
  '&',
  '//',
  'evil',
  '.',
  '=',
  '%',
  '%41',
  '%2',
  '\\',
  '\\u00',
  '&#3',
  '8;',
  '&lt;',
  '\t',
]
const crafted = fc.array(fc.constantFrom(...pieces)).map((parts) => parts.join(''))
const value = fc.oneof(printable, crafted).map((text) => `x${text} evil.example`)
const escaper = fc.constantFrom(...Object.values(escapers))

describe('a value that comes back escaped is found', () => {
  /** What an attacker can say. */
  const valuesOf = (said: string) => tellingValues([['user-agent', said]], [], host)

  test.each(Object.entries(escapers))('%s', (_, spell) => {
    fc.assert(
      fc.property(value, (said) => {
        const values = valuesOf(said)
        expect(values === undefined || repeats(`<p>${spell(said)}</p>`, values)).toBe(true)
      }),
    )
  })

  it('again and again', () => {
    fc.assert(
      fc.property(value, escaper, escaper, escaper, (said, inner, middle, outer) => {
        const values = valuesOf(said)
        expect(values === undefined || repeats(`<p>${outer(middle(inner(said)))}</p>`, values)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('or decoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), escaper, (text, spell) => {
        const said = `x${text.toWellFormed()} evil.example`
        // What has no capital in ASCII may get one.
        if (/[^\0-\x7f]/.test(said) && spell('é') === 'É') return
        expect(repeats(`<p>${spell(said)}</p>`, valuesOf(encodeURIComponent(said))!)).toBe(true)
      }),
    )
  })
})

describe('a search', () => {
  const values = ['evilexample', 'averyverylongvalue']
  const bytes = (text: string) => new TextEncoder().encode(text)

  test.each<[string, string, boolean]>([
    ['alone', 'evil.example', true],
    ['amid others', 'not (EVIL.Example).', true],
    ['the other', 'a very, very long value', true],
    ['behind what looks alike', 'evil.evil.exampleevil.', true],
    ['behind an escape that does not end', 'x&evil.example', true],
    ['with escapes for white space', 'evil\\n\\t.example', true],
    ['with escapes of letters beyond ASCII', 'evil%u0436.example', true],
    ['in UTF-16', [...'evil.example'].join('\0'), true],
    ['not a part of it', 'evil.exampl', false],
    ['not the end of one and the beginning of another', '%2evil.exampl', false],
    ['not empty', '', false],
  ])('finds it %s', (_, text, verdict) => expect(repeats(text, values)).toBe(verdict))

  test.each(['yy evil.example yy', 'ev&amp;quot;il%252Eexample', 'a very \\u0026amp;lt; very long&#x20;value'])(
    'finds it wherever it is cut: %s',
    (text) => {
      const body = bytes(`${'x'.repeat(300)}${text}`)
      for (let at = 290; at <= body.byteLength; at++) {
        for (let next = at; next <= body.byteLength; next++) {
          const search = searchFor(values)
          const isFound = [body.subarray(0, at), body.subarray(at, next), body.subarray(next)].map(search)
          expect(isFound.includes(true), `cut at ${at} and ${next}`).toBe(true)
        }
      }
    },
  )

  it('finds it byte by byte', () => {
    const search = searchFor(values)
    expect([...bytes('xx ev&amp;quot;il.example')].map((byte) => search(Uint8Array.of(byte))).at(-1)).toBe(true)
  })

  it('takes no time over values that are nearly there everywhere', () => {
    const alike = Array.from({ length: 64 }, (_, index) => `${'a'.repeat(180 + index)}b${'a'.repeat(10)}`)
    expect(repeats('a'.repeat(1_000_000), alike)).toBe(false)
  })
})

test.each<[string, string[], string[]]>([
  ['nothing of it', ['hello ', 'world'], ['clear', 'clear']],
  ['all of it', ['say evilexample'], ['found']],
  ['its beginning, and then the rest', ['say evil examp', 'le'], ['open', 'found']],
  ['its beginning, and then something else', ['say evil examp', 'ly'], ['open', 'clear']],
  ['too little of it', ['say evil ex', 'ercise'], ['clear', 'clear']],
  ['the beginning of an escape', ['say &am', 'p; x'], ['open', 'clear']],
])('as it comes: %s', (_, pieces, sights) => {
  const look = lookFor(['evilexample'])
  expect(pieces.map((piece) => look(new TextEncoder().encode(piece)))).toEqual(sights)
})

test.each<[string, string, boolean]>([
  ['Location', 'https://h/?from=evil%2eexample', true],
  ['X-Said', 'evil.example', true],
  ['ETag', '"evil.example"', false],
  ['Last-Modified', 'evil.example', false],
  ['Age', 'evil.example', false],
  ['Date', 'evil.example', false],
  ['Expires', 'evil.example', false],
  ['Vary', 'evil-example', false],
  ['Cache-Control', 'evil-example=1', false],
  ['CDN-Cache-Control', 'evil-example=1', false],
  ['Weir-CDN-Cache-Control', 'evil-example=1', false],
  ['Surrogate-Control', 'evil-example=1', false],
  ['Server', 'nginx', false],
])('in the head, in the field %s: %s', (name, text, verdict) => {
  const fields: [string, string][] = [
    ['server', 'x'],
    [name, text],
  ]
  expect(repeatsInHead(fields, ['evilexample'])).toBe(verdict)
})

test.each<[string | null, boolean]>([
  [null, true],
  ['', true],
  ['html', true],
  ['text/html; charset=utf-8', true],
  ['image/png, text/html', true],
  ['text/plain', true],
  ['application/html', true],
  ['application/xml', true],
  ['application/json', true],
  ['application/vnd.api+json', true],
  ['application/xhtml+xml', true],
  ['application/javascript', true],
  ['application/ecmascript', true],
  ['application/vnd.apple.mpegurl', true],
  ['application/x-www-form-urlencoded', true],
  ['multipart/form-data; boundary=x', true],
  ['multipart/byteranges; boundary=x', true],
  ['application/unknown', true],
  ['image/svg+xml', true],
  ['image/svg', true],
  ['*/*', true],
  ['IMAGE/PNG', false],
  ['video/mp4', false],
  ['font/woff2', false],
  ['application/octet-stream', false],
  ['application/wasm', false],
])('a body of %s may be read: %s', (contentType, verdict) => expect(isReadable(contentType)).toBe(verdict))
