import { describe, expect, test } from 'vitest'
import { initialAge } from '../../../shared/http/age.ts'

const responseTime = Date.UTC(2026, 10, 21, 12)
/** The HTTP-date so many seconds before the response came. */
const ago = (seconds: number) => new Date(responseTime - seconds * 1000).toUTCString()

describe('RFC 9111 §4.2.3: the age at arrival', () => {
  test.each<[string, Record<string, string>, number, number]>([
    ['nothing said, no delay', {}, 0, 0],
    ['the delay of the exchange', {}, 1.5, 1.5],
    ['Age and the delay', { age: '100' }, 2, 102],
    ['Date', { date: ago(30) }, 0, 30],
    ['Date without the delay', { date: ago(30) }, 10, 30],
    ['the greater of Date and Age', { date: ago(30), age: '100' }, 0, 100],
    ['the greater of Age and Date', { date: ago(300), age: '100' }, 0, 300],
    ['a Date that is ahead', { date: ago(-300) }, 0, 0],
    ['a Date that is ahead, and Age', { date: ago(-300), age: '5' }, 1, 6],
    ['a Date that is none', { date: 'yesterday' }, 0, 0],
    ['§5.1: the first of several', { age: '7, 100' }, 0, 7],
    ['§5.1: a negative Age is none', { age: '-100' }, 0, 0],
    ['§5.1: a fraction is none', { age: '1.5' }, 0, 0],
    ['§5.1: a word is none', { age: 'old' }, 0, 0],
    ['§1.2.2: overflow', { age: '99999999999' }, 0, 2 ** 31],
  ])('%s', (_, fields, delaySeconds, verdict) => {
    expect(initialAge(new Headers(fields), responseTime - delaySeconds * 1000, responseTime)).toBe(verdict)
  })

  test('a clock that was set back does not make it younger', () => {
    expect(initialAge(new Headers({ age: '10' }), responseTime + 5000, responseTime)).toBe(10)
  })
})
