import { describe, expect, it, test } from 'vitest'
import { parseCacheControl } from '../../../shared/http/cache-control.ts'
import { heuristicLifetime, heuristicStatuses, type Lifetime, statedLifetime } from '../../../shared/http/freshness.ts'

const responseTime = Date.UTC(2026, 10, 21, 12)
/** The HTTP-date so many seconds after the response. */
const at = (seconds: number) => new Date(responseTime + seconds * 1000).toUTCString()

describe('RFC 9111 §4.2.1: the lifetime that the origin states', () => {
  const lifetime = (cacheControl: string, fields: Record<string, string>, targeted = false) =>
    statedLifetime(parseCacheControl(cacheControl), targeted, new Headers(fields), responseTime)

  test.each<[string, string, Record<string, string>, Lifetime | undefined]>([
    ['s-maxage before max-age', 'max-age=1, s-maxage=2', {}, { seconds: 2, by: 's-maxage' }],
    ['s-maxage=0 before max-age', 'max-age=60, s-maxage=0', {}, { seconds: 0, by: 's-maxage' }],
    ['max-age before Expires', 'max-age=1', { expires: at(60), date: at(0) }, { seconds: 1, by: 'max-age' }],
    ['max-age that cannot be read before Expires', 'max-age=x', { expires: at(60) }, { seconds: 0, by: 'max-age' }],
    ['Expires less Date', '', { expires: at(100), date: at(40) }, { seconds: 60, by: 'expires' }],
    ['Expires where there is no Date', '', { expires: at(100) }, { seconds: 100, by: 'expires' }],
    ['Expires where Date is none', '', { expires: at(100), date: 'now' }, { seconds: 100, by: 'expires' }],
    ['Expires in the past', '', { expires: at(-100), date: at(0) }, { seconds: 0, by: 'expires' }],
    ['Expires at Date', '', { expires: at(0), date: at(0) }, { seconds: 0, by: 'expires' }],
    ['§5.3: Expires: 0', '', { expires: '0' }, { seconds: 0, by: 'expires' }],
    ['§5.3: Expires twice', '', { expires: `${at(60)}, ${at(60)}` }, { seconds: 0, by: 'expires' }],
    ['§5.3: an empty Expires', '', { expires: '' }, { seconds: 0, by: 'expires' }],
    ['nothing', 'public', { 'last-modified': at(-100) }, undefined],
  ])('%s', (_, cacheControl, fields, verdict) => expect(lifetime(cacheControl, fields)).toEqual(verdict))

  it('RFC 9213 §2.1: a targeted field hides Expires', () => {
    expect(lifetime('public', { expires: at(60) }, true)).toBeUndefined()
    expect(lifetime('max-age=5', { expires: at(60) }, true)).toEqual({ seconds: 5, by: 'max-age' })
  })
})

describe('RFC 9111 §4.2.2: the lifetime that is guessed', () => {
  const day = 86_400

  it('RFC 9110 §15.1: is for these statuses', () => {
    expect([...heuristicStatuses]).toEqual([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
  })

  test.each<[string, number, Record<string, string>, number | undefined]>([
    ['a tenth of the time since the last change', 200, { 'last-modified': at(-1000), date: at(0) }, 100],
    ['whole seconds', 200, { 'last-modified': at(-19), date: at(0) }, 1],
    ['from Date, not from when it came', 200, { 'last-modified': at(-1000), date: at(-500) }, 50],
    ['from when it came, where Date is ahead', 200, { 'last-modified': at(-1000), date: at(86_400) }, 100],
    ['none where it has changed since it came', 200, { 'last-modified': at(10), date: at(86_400) }, undefined],
    ['from when it came, where there is no Date', 200, { 'last-modified': at(-1000) }, 100],
    ['a day at most', 200, { 'last-modified': at(-10 * 365 * day) }, day],
    ['a status that may be guessed about: 404', 404, { 'last-modified': at(-1000) }, 100],
    ['one that may not: 302', 302, { 'last-modified': at(-1000) }, undefined],
    ['one that may not: 206', 206, { 'last-modified': at(-1000) }, undefined],
    ['one that may not: 500', 500, { 'last-modified': at(-1000) }, undefined],
    ['no Last-Modified', 200, { date: at(-1000) }, undefined],
    ['a Last-Modified that is none', 200, { 'last-modified': '2020-01-01' }, undefined],
    ['changed at Date', 200, { 'last-modified': at(0), date: at(0) }, undefined],
    ['changed after Date', 200, { 'last-modified': at(10), date: at(0) }, undefined],
  ])('%s', (_, status, fields, seconds) => {
    const verdict = seconds === undefined ? undefined : { seconds, by: 'last-modified' }
    expect(heuristicLifetime(status, false, new Headers(fields), responseTime)).toEqual(verdict)
  })
})
