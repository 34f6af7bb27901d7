import { describe, expect, it, test } from 'vitest'
import { parseDocument } from '../../shared/config/parse.ts'
import type { Config } from '../../shared/config/schema.ts'
import { canonicalTarget } from '../../shared/http/target.ts'
import { noPurges } from '../../shared/purge.ts'
import { compileRoutes, type Router } from '../../shared/routing.ts'
import { makeSnapshot, poolsOf } from '../../shared/snapshot.ts'

function configOf(...routes: object[]): Config {
  const origins = [{ url: 'http://127.0.0.1:9001' }]
  const document = {
    pools: { web: { origins }, backup: { origins } },
    routes: routes.map((route) => ({ path: '/*', pools: ['web'], ...route })),
  }
  const parsed = parseDocument(document)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value.config
}

/** The id of the route, the methods that would do, or `no-route`. */
function verdictOf(router: Router, method: string, url: string): string {
  const target = canonicalTarget(url)
  if (!target.ok) throw new Error(target.error)
  const routing = router(method, target.value)
  switch (routing.kind) {
    case 'route':
      return routing.route.id
    case 'method':
      return `allow ${routing.allow.join(' ')}`
    case 'no-route':
      return routing.kind
    default:
      return routing satisfies never
  }
}

describe('the first route that matches host, path and method', () => {
  const router = compileRoutes(
    configOf(
      { id: 'exact', host: 'www.example.com', path: '/exact' },
      { id: 'static', host: '*.example.com', path: '/static/*', methods: ['GET', 'HEAD'] },
      { id: 'upload', host: '*.example.com', path: '/static/*', methods: ['PUT', 'GET'] },
      { id: 'user', host: 'api.example.com', path: '/users/:id' },
      { id: 'escaped', host: 'api.example.com', path: '/a%2Fb' },
      { id: 'rest', host: 'www.example.com', path: '/*', methods: ['GET'] },
    ),
  )

  test.each([
    ['an exact path', 'GET', 'http://www.example.com/exact', 'exact'],
    ['an earlier one before a later one', 'GET', 'http://www.example.com/static/a', 'static'],
    ['a later one where the method differs', 'PUT', 'http://www.example.com/static/a', 'upload'],
    ['a path below', 'GET', 'http://www.example.com/exact/more', 'rest'],
    ['a segment', 'DELETE', 'http://api.example.com/users/7', 'user'],
    ['more than a segment', 'GET', 'http://api.example.com/users/7/x', 'no-route'],
    ['another host', 'GET', 'http://example.com/exact', 'no-route'],
    ['a host in upper case, with a port and a dot', 'GET', 'http://WWW.Example.com.:8080/exact', 'exact'],
    ['the query does not matter', 'GET', 'http://www.example.com/exact?a=/static/', 'exact'],
    ['a path in another spelling', 'GET', 'http://www.example.com/%65xact', 'exact'],
    ['dot segments', 'GET', 'http://www.example.com/x/../static/%2e/a', 'static'],
    ['an encoded slash is no slash', 'GET', 'http://www.example.com/static%2Fa', 'rest'],
    ['an encoded slash that the route names', 'GET', 'http://api.example.com/a%2fb', 'escaped'],
    ['two slashes are not one', 'GET', 'http://www.example.com//static/a', 'rest'],
    [
      'RFC 9110 §15.5.6: the methods of all that match',
      'POST',
      'http://www.example.com/static/a',
      'allow GET HEAD PUT',
    ],
    ['RFC 9110 §9.1: methods are case-sensitive', 'get', 'http://www.example.com/', 'allow GET'],
  ])('%s', (_, method, url, verdict) => expect(verdictOf(router, method, url)).toBe(verdict))
})

test('a star takes every host', () => {
  const router = compileRoutes(configOf({ id: 'all' }))
  expect(verdictOf(router, 'GET', 'http://anything.test/')).toBe('all')
  expect(verdictOf(router, 'GET', 'http://[::1]:8080/')).toBe('all')
})

describe('a snapshot', () => {
  it('has the pools of a course, in its order', () => {
    const config = configOf({ pools: ['backup', 'web'] })
    const snapshot = makeSnapshot(7, config, noPurges, () => 0)
    const pools = poolsOf(snapshot, config.routes[0]!, { pools: ['backup', 'web'] })
    expect(pools.map(({ pool }) => pool)).toEqual([config.pools.backup, config.pools.web])
    expect(snapshot.version).toBe(7)
  })
})
