import { describe, expect, test } from 'vitest'
import { acceptsCoding, originAcceptEncoding } from '../../../shared/http/content-coding.ts'

describe('RFC 9110 §12.5.3: whether a coding is taken', () => {
  test.each<[string, string | null, string | null, boolean]>([
    ['no coding, nothing said', null, null, true],
    ['no coding, something said', 'gzip', null, true],
    ['an empty coding', 'br', '', true],
    ['identity', null, 'identity', true],
    ['identity in any case', null, 'Identity', true],
    ['a coding, nothing said', null, 'gzip', false],
    ['a coding, the field is empty', '', 'gzip', false],
    ['one that is named', 'gzip', 'gzip', true],
    ['one among several', 'deflate, gzip;q=0.5, br', 'gzip', true],
    ['one that is not', 'br, deflate', 'gzip', false],
    ['in any case on either side', 'GZip', 'gzIP', true],
    ['§8.4.1.3: x-gzip is gzip', 'x-gzip', 'gzip', true],
    ['a star', '*', 'br', true],
    ['a star of no weight', 'gzip, *;q=0', 'br', false],
    ['one that is refused beside a star', '*, gzip;q=0', 'gzip', false],
    ['§12.4.2: weight 0', 'gzip;q=0', 'gzip', false],
    ['§12.4.2: weight 0.000', 'gzip;q=0.000', 'gzip', false],
    ['§12.4.2: the least weight', 'gzip;q=0.001', 'gzip', true],
    ['§12.4.2: a weight with space and in upper case', 'gzip ; Q=0', 'gzip', false],
    ['§12.4.2: a weight that is none', 'gzip;q=high', 'gzip', false],
    ['part of a name', 'gzippy', 'gzip', false],
    ['two codings on top of each other', 'gzip, br', 'gzip, br', true],
    ['two codings on top of each other, one of them not taken', 'gzip', 'gzip, br', false],
    ['identity beside a coding that is taken', 'gzip', 'identity, gzip', true],
    ['a coding that origins are not asked for', 'gzip', 'exi', true],
    ['such a coding on top of one that they are asked for', 'gzip', 'gzip, exi', false],
  ])('%s', (_, accepted, coding, verdict) => expect(acceptsCoding(accepted, coding)).toBe(verdict))
})

describe('RFC 9110 §12.5.3: what an origin is asked for', () => {
  test.each<[string, string | null, string | null]>([
    ['nothing said', null, null],
    ['both that can pass untouched', 'br, gzip', 'gzip, br'],
    ['one of them', 'br;q=1, deflate', 'br'],
    ['without weights', 'gzip;q=0.1, br;q=0.9', 'gzip, br'],
    ['a star', '*', 'gzip, br'],
    ['a star and a refusal', '*, br;q=0', 'gzip'],
    ['codings that cannot pass', 'zstd, deflate, compress', null],
    ['identity alone', 'identity', null],
    ['an empty field', '', null],
  ])('%s', (_, accepted, verdict) => expect(originAcceptEncoding(accepted)).toBe(verdict))
})
