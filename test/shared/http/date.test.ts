import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { parseHttpDate } from '../../../shared/http/date.ts'

const now = Date.UTC(2026, 10, 21, 12)
const example = Date.UTC(1994, 10, 6, 8, 49, 37)

/** The instant of a date, in ISO 8601 for the reader. */
const iso = (text: string, at = now): string | undefined => {
  const instant = parseHttpDate(text, at)
  return instant === undefined ? undefined : new Date(instant).toISOString().replace('.000Z', '')
}

describe('RFC 9110 §5.6.7: the three forms', () => {
  test.each([
    ['IMF-fixdate', 'Sun, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37'],
    ['RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT', '1994-11-06T08:49:37'],
    ['asctime', 'Sun Nov  6 08:49:37 1994', '1994-11-06T08:49:37'],
    ['asctime with two digits', 'Wed Nov 16 08:49:37 1994', '1994-11-16T08:49:37'],
    ['midnight', 'Sat, 01 Jan 2000 00:00:00 GMT', '2000-01-01T00:00:00'],
    ['the last second of a day', 'Fri, 31 Dec 1999 23:59:59 GMT', '1999-12-31T23:59:59'],
    ['a leap second is the next second', 'Sat, 31 Dec 2016 23:59:60 GMT', '2017-01-01T00:00:00'],
    ['the leap day of a leap year', 'Thu, 29 Feb 2024 10:00:00 GMT', '2024-02-29T10:00:00'],
    ['before 1970', 'Sun, 06 Nov 1904 08:49:37 GMT', '1904-11-06T08:49:37'],
    ['the year 50 is not 1950', 'Sun, 06 Nov 0050 08:49:37 GMT', '0050-11-06T08:49:37'],
    ['a wrong weekday changes nothing', 'Mon, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37'],
    ['RFC 9111 §4.2: in lower case', 'sun, 06 nov 1994 08:49:37 gmt', '1994-11-06T08:49:37'],
    ['RFC 9111 §4.2: RFC 850 in upper case', 'SUNDAY, 06-NOV-94 08:49:37 GMT', '1994-11-06T08:49:37'],
    ['RFC 9111 §4.2: asctime in mixed case', 'sUN nOV  6 08:49:37 1994', '1994-11-06T08:49:37'],
  ])('%s', (_, text, verdict) => expect(iso(text)).toBe(verdict))

  it.each([
    ['nothing', ''],
    ['a number', '0'],
    ['-1', '-1'],
    ['a word', 'never'],
    ['ISO 8601', '1994-11-06T08:49:37Z'],
    ['another zone', 'Sun, 06 Nov 1994 08:49:37 CET'],
    ['UTC by another name', 'Sun, 06 Nov 1994 08:49:37 UTC'],
    ['an offset', 'Sun, 06 Nov 1994 08:49:37 +0000'],
    ['no zone', 'Sun, 06 Nov 1994 08:49:37'],
    ['one digit of the day', 'Sun, 6 Nov 1994 08:49:37 GMT'],
    ['no comma', 'Sun 06 Nov 1994 08:49:37 GMT'],
    ['a long weekday', 'Sunday, 06 Nov 1994 08:49:37 GMT'],
    ['dashes and four digits of the year', 'Sun, 06-Nov-1994 08:49:37 GMT'],
    ['an unknown month', 'Sun, 06 Nev 1994 08:49:37 GMT'],
    ['day 0', 'Sun, 00 Nov 1994 08:49:37 GMT'],
    ['day 32', 'Sun, 32 Oct 1994 08:49:37 GMT'],
    ['31 November', 'Thu, 31 Nov 1994 08:49:37 GMT'],
    ['29 February of no leap year', 'Thu, 29 Feb 2023 08:49:37 GMT'],
    ['29 February 1900', 'Thu, 29 Feb 1900 08:49:37 GMT'],
    ['hour 24', 'Sun, 06 Nov 1994 24:00:00 GMT'],
    ['minute 60', 'Sun, 06 Nov 1994 08:60:00 GMT'],
    ['second 61', 'Sun, 06 Nov 1994 08:49:61 GMT'],
    ['space around it', ' Sun, 06 Nov 1994 08:49:37 GMT'],
    ['something behind it', 'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT'],
    ['a line break behind it', 'Sun, 06 Nov 1994 08:49:37 GMT\n'],
    ['asctime with one digit and no space', 'Sun Nov 6 08:49:37 1994'],
  ])('is no date: %s', (_, text) => expect(iso(text)).toBeUndefined())
})

describe('RFC 9110 §5.6.7: two digits of a year mean the last century where they are more than fifty years ahead', () => {
  test.each([
    ['this year', 'Friday, 06-Nov-26 00:00:00 GMT', '2026-11-06T00:00:00'],
    ['ten years ahead', 'Thursday, 06-Nov-36 00:00:00 GMT', '2036-11-06T00:00:00'],
    ['almost fifty years ahead', 'Saturday, 21-Nov-76 11:59:59 GMT', '2076-11-21T11:59:59'],
    ['a second more than fifty', 'Sunday, 21-Nov-76 12:00:01 GMT', '1976-11-21T12:00:01'],
    ['fifty-one', 'Sunday, 06-Nov-77 00:00:00 GMT', '1977-11-06T00:00:00'],
    ['last century', 'Saturday, 06-Nov-99 00:00:00 GMT', '1999-11-06T00:00:00'],
  ])('%s', (_, text, verdict) => expect(iso(text)).toBe(verdict))

  it('depends on the instant that is passed', () => {
    expect(iso('Sunday, 06-Nov-94 08:49:37 GMT', Date.UTC(2043, 0))).toBe('1994-11-06T08:49:37')
    expect(iso('Sunday, 06-Nov-94 08:49:37 GMT', Date.UTC(2044, 11))).toBe('2094-11-06T08:49:37')
  })
})

test('every date that may be sent is read as the second that it names', () => {
  const second = fc.integer({ min: Date.parse('0000-01-01') / 1000, max: Date.UTC(9999, 11, 31) / 1000 })
  fc.assert(
    fc.property(second, (seconds) => {
      expect(parseHttpDate(new Date(seconds * 1000).toUTCString(), now)).toBe(seconds * 1000)
    }),
    { numRuns: 1000 },
  )
})

test('no text makes it throw', () => {
  const changed = fc.tuple(fc.constant('Sunday, 06-Nov-94 08:49:37 GMT'), fc.nat(30), fc.string({ maxLength: 2 }))
  fc.assert(
    fc.property(changed, ([text, at, put]) => {
      const instant = parseHttpDate(text.slice(0, at) + put + text.slice(at + put.length), now)
      expect(instant === undefined || Number.isSafeInteger(instant)).toBe(true)
    }),
    { numRuns: 1000 },
  )
  expect(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', now)).toBe(example)
})
