import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { normaliseAccept, normaliseAcceptLanguage, normaliseField } from '../../../shared/http/negotiation.ts'

const chromeImage = 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8'
const chromePage =
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7'

describe('RFC 9110 §12.5.4: Accept-Language in its normal form', () => {
  test.each<[string, string | null, string | null]>([
    ['absent', null, null],
    ['empty', '', null],
    ['one', 'de', 'de'],
    ['the example', 'da, en-gb;q=0.8, en;q=0.7', 'da,en-gb;q=0.8,en;q=0.7'],
    ['order of equals', 'en, de', 'de,en'],
    ['order and case of equals', 'de, eN', 'de,en'],
    ['by weight, not by name', 'a;q=0.1, c, b;q=0.2', 'c,b;q=0.2,a;q=0.1'],
    ['weight 1 is not written', 'de;q=1, en;q=1.000', 'de,en'],
    ['the shortest weight', 'fr;q=0.500', 'fr;q=0.5'],
    ['three decimals', 'fr;q=0.125', 'fr;q=0.125'],
    ['the least weight', 'fr;q=0.001', 'fr;q=0.001'],
    ['more than three decimals are rounded', 'fr;q=0.33333, de;q=0.66666', 'de;q=0.667,fr;q=0.333'],
    ['a weight from the point on', 'fr;q=.5', 'fr;q=0.5'],
    ['space around everything', ' de ; q=0.5 ,\ten ', 'en,de;q=0.5'],
    ['the weight in upper case', 'de;Q=0.5', 'de;q=0.5'],
    ['what is refused is left out', 'de, en;q=0, fr;q=0.000', 'de'],
    ['all is refused', 'de;q=0', null],
    ['a star', 'de, *;q=0.5', 'de,*;q=0.5'],
    ['twice: the highest weight', 'de;q=0.3, en;q=0.5, DE;q=0.7, de;q=0.2', 'de;q=0.7,en;q=0.5'],
    ['empty members', ',de,,en,', 'de,en'],
    ['an empty parameter', 'de;', 'de'],
    ['subtags', 'zh-Hant-TW', 'zh-hant-tw'],
    ['malformed: underscore', 'de_AT, en', 'en'],
    ['malformed: nine letters', 'abcdefghi, en', 'en'],
    ['malformed: space inside', 'de at, en', 'en'],
    ['malformed: digits first', '1de, en', 'en'],
    ['malformed: a star within', 'de-*, en', 'en'],
    ['malformed: weight', 'de;q=high, fr;q=1.1, it;q=-1, es;q=, pt;q=1e-1, en', 'en'],
    ['malformed: two weights', 'de;q=0.5;q=0.6, en', 'en'],
    ['malformed: another parameter', 'de;level=1, en', 'en'],
    ['nothing that can be read', '!!', null],
    ['eight at most, the best', 'i,h,g,f,e,d,c,b;q=0.9,a;q=0.8', 'c,d,e,f,g,h,i,b;q=0.9'],
  ])('%s', (_, value, normal) => expect(normaliseAcceptLanguage(value)).toBe(normal))
})

describe('RFC 4647: the best language that is offered', () => {
  test.each<[string, string | null, string[], string | null]>([
    ['absent', null, ['de'], null],
    ['nothing that can be read', '!!', ['de'], null],
    ['nothing is offered', 'de', [], null],
    ['the only one', 'de', ['en', 'de'], 'de'],
    ['none', 'fr', ['en', 'de'], null],
    ['as it is spelt there', 'DE-at', ['de-AT'], 'de-AT'],
    ['the higher weight', 'en;q=0.5, de;q=0.7', ['en', 'de'], 'de'],
    ['of equals, the first that is offered', 'en, de', ['de', 'en'], 'de'],
    ['of equals, whatever the order of the client', 'de, en', ['en', 'de'], 'en'],
    ['§3.4: cut down', 'de-AT', ['en', 'de'], 'de'],
    ['§3.4: cut down twice', 'zh-Hant-TW', ['zh'], 'zh'],
    ['§3.4: cut down, in the order of weights', 'de-AT, en;q=0.9', ['en', 'de'], 'de'],
    ['§3.4: cut down from the higher weight', 'en-US, en;q=0.8, de;q=0.9', ['de', 'en'], 'en'],
    ['§3.4: not to a sibling', 'de-AT', ['de-CH'], null],
    ['§3.3.1: a prefix', 'de', ['en', 'de-AT'], 'de-AT'],
    ['§3.3.1: a prefix of subtags, not of letters', 'de', ['den'], null],
    ['not a prefix of letters the other way', 'den', ['de'], null],
    ['the very one before a wider one', 'de', ['de-AT', 'de'], 'de'],
    ['the very one before a cut one', 'de-AT', ['de', 'de-AT'], 'de-AT'],
    ['a longer prefix speaks for it', 'de;q=0.9, de-AT;q=0.1, en;q=0.5', ['de-AT', 'en'], 'en'],
    ['a star', '*', ['en', 'de'], 'en'],
    ['a star for the rest', 'fr, *;q=0.5', ['en', 'de'], 'en'],
    ['a star does not raise what is named', 'de;q=0.1, *;q=0.5', ['de', 'en'], 'en'],
    ['refused', 'de;q=0', ['de'], null],
    ['malformed: weight', 'de;q=high, en;q=0.5', ['de', 'en'], 'en'],
    ['refused beside a star', '*, en;q=0', ['en', 'de'], 'de'],
    ['refused with all that is below', 'en;q=0, *', ['en-US', 'de'], 'de'],
    ['refused but for one', 'en;q=0, en-US', ['en-GB', 'en-US'], 'en-US'],
    ['refused, though it could be cut down to', 'en;q=0, en-US', ['en'], null],
    ['one below refused does not refuse it', 'en-US;q=0, en;q=0.5', ['en-US', 'en'], 'en'],
    ['one below refused does not reach it', 'en-US;q=0', ['en'], null],
    ['one below refused leaves the star', 'en-US;q=0, *;q=0.5', ['en'], 'en'],
  ])('%s', (_, value, offered, normal) => expect(normaliseAcceptLanguage(value, offered)).toBe(normal))
})

describe('RFC 9110 §12.5.1: Accept in its normal form', () => {
  test.each<[string, string | null, string | null]>([
    ['absent', null, null],
    ['empty', '', null],
    ['the first example', 'audio/*; q=0.2, audio/basic', 'audio/basic,audio/*;q=0.2'],
    [
      'the second example',
      'text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c',
      'text/html,text/x-c,text/x-dvi;q=0.8,text/plain;q=0.5',
    ],
    [
      'the third example',
      'text/*, text/plain, text/plain;format=flowed, */*',
      '*/*,text/*,text/plain,text/plain;format=flowed',
    ],
    ['order and case of equals', 'Text/HTML, application/JSON', 'application/json,text/html'],
    ['an image in Chrome', chromeImage, 'image/*,image/apng,image/avif,image/svg+xml,image/webp,*/*;q=0.8'],
    [
      'a page in Chrome',
      chromePage,
      'application/xhtml+xml,image/apng,image/avif,image/webp,text/html,application/xml;q=0.9,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
    ],
    ['Java', 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', 'image/gif,image/jpeg,text/html,*/*;q=0.2'],
    ['the weight before a parameter', 'text/html;q=0.5;level=1', 'text/html;level=1;q=0.5'],
    ['names of parameters in any case', 'text/html;Level=One', 'text/html;level=One'],
    ['§5.6.6: quotes that are not needed', 'text/html;level="1"', 'text/html;level=1'],
    ['§5.6.4: escapes that are not needed', 'text/html;level="\\1"', 'text/html;level=1'],
    ['separators within quotes', 'a/b;c="d, e;q=0";q=0.5', 'a/b;c="d, e;q=0";q=0.5'],
    ['a quote within quotes', 'a/b;c="d\\", e/f", g/h', 'a/b;c="d\\", e/f",g/h'],
    ['what is refused is left out', 'text/html, text/plain;q=0', 'text/html'],
    ['twice: the highest weight', 'text/html;q=0.3, TEXT/html;q=0.7', 'text/html;q=0.7'],
    ['empty members and parameters', ', text/html;;q=0.5;,', 'text/html;q=0.5'],
    ['malformed: no subtype', 'text, text/, /html, *, a/b', 'a/b'],
    ['malformed: a star before a subtype', '*/html, a/b', 'a/b'],
    ['malformed: space', 'text / html, a/b', 'a/b'],
    ['malformed: a parameter without value', 'text/html;level, text/html;level=, a/b', 'a/b'],
    ['malformed: a quote that does not end', 'a/b, text/html;level="1', 'a/b'],
    ['malformed: weight', 'text/html;q=2, a/b', 'a/b'],
    [
      'twelve at most, the best',
      'a/n;q=0.1,a/m,a/l,a/k,a/j,a/i,a/h,a/g,a/f,a/e,a/d,a/c,a/b',
      'a/b,a/c,a/d,a/e,a/f,a/g,a/h,a/i,a/j,a/k,a/l,a/m',
    ],
  ])('%s', (_, value, normal) => expect(normaliseAccept(value)).toBe(normal))
})

describe('RFC 9110 §12.5.1: the best type that is offered', () => {
  const table = 'text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5'

  test.each<[string, number]>([
    ['text/plain;format=flowed', 1],
    ['text/plain', 0.7],
    ['text/html', 0.3],
    ['image/jpeg', 0.5],
    ['text/plain;format=fixed', 0.4],
    ['text/html;level=3', 0.3],
  ])('the table of the RFC: %s has %d', (type, weight) => {
    // Against something that weighs a little more, and a little less.
    const against = (other: number) => normaliseAccept(`${table}, x/y;q=${other}`, ['x/y', type])
    expect(against(weight - 0.001)).toBe(type)
    expect(against(weight === 1 ? 0.999 : weight + 0.001)).toBe(weight === 1 ? type : 'x/y')
  })

  test.each<[string, string | null, string[], string | null]>([
    ['absent', null, ['a/b'], null],
    ['nothing that can be read', 'text', ['text/html'], null],
    ['none', 'text/html', ['application/json'], null],
    ['as it is spelt there', 'text/html', ['Text/HTML; Charset=utf-8'], 'Text/HTML; Charset=utf-8'],
    ['the higher weight', 'a/b;q=0.5, c/d', ['a/b', 'c/d'], 'c/d'],
    ['of equals, the first that is offered', 'a/b, c/d', ['c/d', 'a/b'], 'c/d'],
    [
      'of equals, the one that is named',
      'application/json, */*',
      ['text/html', 'application/json'],
      'application/json',
    ],
    ['of equals, the one whose kind is named', 'text/*, */*', ['a/b', 'text/html'], 'text/html'],
    ['of equals, the very one', 'a/b', ['a/b;c=d', 'a/b'], 'a/b'],
    ['anything', '*/*', ['image/avif', 'image/jpeg'], 'image/avif'],
    ['an image in Chrome', chromeImage, ['image/jpeg', 'image/webp', 'image/avif'], 'image/webp'],
    ['an image in an old browser', 'image/png,image/*;q=0.8,*/*;q=0.5', ['image/jpeg'], 'image/jpeg'],
    ['a page in Chrome', chromePage, ['application/json', 'text/html'], 'text/html'],
    ['refused beside a star', '*/*, image/webp;q=0', ['image/webp', 'image/jpeg'], 'image/jpeg'],
    ['refused by kind, but for one', 'image/*;q=0, image/png', ['image/jpeg', 'image/png'], 'image/png'],
    ['refused alone', 'image/webp;q=0', ['image/webp'], null],
    ['a parameter that is not offered', 'text/html;level=1', ['text/html'], null],
    [
      'a parameter in another case',
      'text/html;charset=UTF-8',
      ['text/html;charset="utf-8"'],
      'text/html;charset="utf-8"',
    ],
    ['an offer that is no type', '*/*', ['html', 'text/html'], 'text/html'],
  ])('%s', (_, value, offered, normal) => expect(normaliseAccept(value, offered)).toBe(normal))
})

describe('any other field', () => {
  test.each<[string, string | null, string | null]>([
    ['absent', null, null],
    ['empty', '', ''],
    ['one', '1', '1'],
    ['§5.6.1: space around a comma', ' 1, 2 ', '1,2'],
    ['tabs too', '1\t,\t 2', '1,2'],
    ['other space stays', 'a  b , c', 'a  b,c'],
    ['case and order stay', 'B, a', 'B,a'],
    ['empty members stay', 'a, , b', 'a,,b'],
    ['weights stay', 'a; q=1, b', 'a; q=1,b'],
    ['§5.6.4: quotes stay', '"a , b" , "c\\" , d"', '"a , b","c\\" , d"'],
    ['a quote that does not end', 'a , "b , c', 'a,"b , c'],
    [
      '§5.6.5: comments stay',
      'Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120',
      'Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120',
    ],
    ['a bracket that does not end', 'a , (b , c', 'a,(b , c'],
  ])('%s', (_, value, normal) => expect(normaliseField(value)).toBe(normal))

  it.each([
    ['spaces', ' '],
    ['words', 'a '],
    ['brackets', '('],
    ['escapes', '\\"'],
    ['commas', ' ,'],
  ])('100 000 %s take no long time', (_, text) => {
    const long = `x${text.repeat(100_000)}x`
    normaliseField(long)
    normaliseAccept(long)
    normaliseAcceptLanguage(long)
  })
})

/** Text of pieces that mean something to the field. */
const made = (...pieces: string[]) =>
  fc
    .array(fc.constantFrom(...pieces, ',', ', ', ';', ' ', ';q=0', ';q=0.5', ';q=0.75', '"', '\\'), { maxLength: 20 })
    .map((list) => list.join(''))
const languages = made('de', 'de-AT', 'EN', 'en-us', '*', 'fr', '-')
const types = made('text/html', 'Text/*', '*/*', 'image/webp', ';a=b', ';C="d"', ';e="f, g"', 'text/plain')

describe('a normal form', () => {
  const offeredLanguages = fc.subarray(['de', 'de-AT', 'en', 'en-US', 'fr', 'zh-Hant'])
  const offeredTypes = fc.subarray(['text/html', 'text/html;a=b', 'image/webp', 'image/*', 'text/plain;e="f, g"'])
  const shuffled = <T>(list: fc.Arbitrary<T[]>) =>
    list.chain((all) => fc.shuffledSubarray(all, { minLength: all.length }))

  test('is its own normal form', () => {
    const check = (text: string, normalise: (value: string | null) => string | null) => {
      const once = normalise(text)
      expect(normalise(once)).toBe(once)
    }
    fc.assert(
      fc.property(languages, types, shuffled(offeredLanguages), shuffled(offeredTypes), fc.string(), (...given) => {
        const [language, accept, someLanguages, someTypes, text] = given
        for (const value of [language, accept, text]) {
          check(value, normaliseField)
          check(value, (it) => normaliseAcceptLanguage(it))
          check(value, (it) => normaliseAccept(it))
        }
        check(language, (it) => normaliseAcceptLanguage(it, someLanguages))
        check(accept, (it) => normaliseAccept(it, someTypes))
      }),
      { numRuns: 3000 },
    )
  })

  test('is the same in any order of members, in any case, with any space', () => {
    const weighted = fc.tuple(fc.constantFrom('de', 'de-at', 'en', 'fr', '*'), fc.constantFrom('', ';q=0.5', ';q=0'))
    const members = fc.array(
      weighted.map((pair) => pair.join('')),
      { minLength: 1, maxLength: 8 },
    )
    const twoOrders = members.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    )
    fc.assert(
      fc.property(twoOrders, shuffled(offeredLanguages), ([one, other], offered) => {
        const spelt = other.join(' , ').toUpperCase()
        expect(normaliseAcceptLanguage(spelt)).toBe(normaliseAcceptLanguage(one.join()))
        expect(normaliseAcceptLanguage(spelt, offered)).toBe(normaliseAcceptLanguage(one.join(), offered))
      }),
      { numRuns: 1000 },
    )
  })
})
