import { describe, expect, test } from 'vitest'
import { type Reach, reachOf } from '../../shared/address.ts'

const at = (host: string) => reachOf(new URL(`http://${host}/`).hostname)

// First and last address of each range of IANA's registries.
test.each<[rfc: string, first: string, last: string, Reach]>([
  ['RFC 1122 §3.2.1.3, this host', '0.0.0.0', '0.255.255.255', 'own'],
  ['RFC 1918', '10.0.0.0', '10.255.255.255', 'own'],
  ['RFC 1918', '172.16.0.0', '172.31.255.255', 'own'],
  ['RFC 1918', '192.168.0.0', '192.168.255.255', 'own'],
  ['RFC 6598', '100.64.0.0', '100.127.255.255', 'own'],
  ['RFC 1122 §3.2.1.3, loopback', '127.0.0.0', '127.255.255.255', 'own'],
  ['RFC 3927', '169.254.0.0', '169.254.255.255', 'own'],
  ['RFC 6890 §2.1', '192.0.0.0', '192.0.0.255', 'nobody'],
  ['RFC 5737', '192.0.2.0', '192.0.2.255', 'nobody'],
  ['RFC 5737', '198.51.100.0', '198.51.100.255', 'nobody'],
  ['RFC 5737', '203.0.113.0', '203.0.113.255', 'nobody'],
  ['RFC 7526', '192.88.99.0', '192.88.99.255', 'nobody'],
  ['RFC 2544', '198.18.0.0', '198.19.255.255', 'nobody'],
  ['RFC 5771', '224.0.0.0', '239.255.255.255', 'nobody'],
  ['RFC 1112 §4, RFC 919', '240.0.0.0', '255.255.255.255', 'nobody'],
  ['RFC 4291 §2.5.2, §2.5.3', '[::]', '[::1]', 'own'],
  ['RFC 4193', '[fc00::]', '[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]', 'own'],
  ['RFC 4291 §2.5.6', '[fe80::]', '[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff]', 'own'],
  ['RFC 2928', '[2001::]', '[2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff]', 'nobody'],
  ['RFC 3849', '[2001:db8::]', '[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]', 'nobody'],
  ['RFC 9637', '[3fff::]', '[3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff]', 'nobody'],
  ['RFC 3056', '[2002::]', '[2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff]', 'nobody'],
  ['RFC 6052', '[64:ff9b::]', '[64:ff9b::ffff:ffff]', 'nobody'],
  ['RFC 3879', '[fec0::]', '[feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]', 'nobody'],
  ['RFC 4291 §2.7', '[ff00::]', '[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]', 'nobody'],
])('%s: %s to %s', (_, first, last, reach) => expect([at(first), at(last)]).toEqual([reach, reach]))

describe('beside them', () => {
  test.each([
    ['1.0.0.0'],
    ['9.255.255.255'],
    ['11.0.0.0'],
    ['100.63.255.255'],
    ['100.128.0.0'],
    ['172.15.255.255'],
    ['172.32.0.0'],
    ['192.0.1.0'],
    ['192.0.3.0'],
    ['192.167.255.255'],
    ['192.169.0.0'],
    ['198.17.255.255'],
    ['198.20.0.0'],
    ['223.255.255.255'],
    ['[2000::]'],
    ['[2001:200::]'],
    ['[2001:db7:ffff::]'],
    ['[2001:db9::]'],
    ['[2003::]'],
    ['[2606:4700::1111]'],
    ['[3fff:1000::]'],
    ['[2001:200:1:2:3:4:5:6]'],
  ])('%s is public', (host) => expect(at(host)).toBe('public'))

  // Short groups are not the beginnings of long ones.
  test.each([['[fc::1]'], ['[fd::1]'], ['[fe8::1]'], ['[::2]'], ['[1fff:ffff::]'], ['[4000::]']])(
    '%s is nobody’s',
    (host) => expect(at(host)).toBe('nobody'),
  )
})

test.each<[string, Reach]>([
  ['[::ffff:10.0.0.1]', 'own'],
  ['[::ffff:127.0.0.1]', 'own'],
  ['[::ffff:8.8.8.8]', 'nobody'],
  ['[::ffff:203.0.113.7]', 'nobody'],
])('an address in another, RFC 4291 §2.5.5.2: %s', (host, reach) => expect(at(host)).toBe(reach))

test.each([['localhost'], ['example.com'], ['10.0.0.1.example.com'], ['1.2.3']])('%s is a name', (host) =>
  expect(reachOf(host)).toBeUndefined(),
)

// What a configuration says has not been through the URL parser.
test.each([['[1:2:3:4:5:6:7:8:9]'], ['[::ffff:1.2.3.4]'], ['[]'], ['[::1::2]'], ['[:.:]']])(
  '%s is not public',
  (host) => expect(reachOf(host)).not.toBe('public'),
)
