import { expect, test } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'

const credentials = [`sha256:${'0'.repeat(64)}`]
const origins = [{ url: 'https://a.example.com' }]
const pools = { web: { origins, credentials }, bare: { origins } }
const documentOf = (services: unknown) => ({ pools, routes: [{ path: '/*', pools: ['web'] }], services })

test('a table of who may call what, and a list of places outside', () => {
  const services = {
    policy: [
      { from: 'pool:web', to: ['catalog', 'search'] },
      { from: 'order', to: ['payment'] },
      { from: 'search', to: [] },
    ],
    egress: {
      allow: ['https://api.example.com/v1/*', 'https://*.example.com/*', 'http://127.0.0.1:9001/*'],
      from: ['pages'],
    },
  }
  const parsed = parseDocument(documentOf(services))
  expect(parsed.ok && parsed.value.config.services).toEqual({
    ...services,
    egress: { ...services.egress, timeoutMs: 10_000, maxBytes: 10_485_760 },
  })
})

test.each<[unknown, string, string]>([
  [{ policy: [{ from: 'web', to: ['catalog'] }] }, 'policy[0].from', 'must be a service (account, catalog, '],
  [
    { policy: [{ from: 'pool:none', to: ['catalog'] }] },
    'policy[0].from',
    'names no pool: the pools are web, bare; got "none"',
  ],
  [{ policy: [{ from: 'pool:bare', to: ['catalog'] }] }, 'policy[0].from', 'is a pool without "credentials"'],
  [
    { policy: [{ from: 'pool:web', to: ['stock'] }] },
    'policy[0].to[0]',
    'names no service: the services are account, ',
  ],
  [
    { policy: [{ from: 'pool:web', to: ['payment'] }] },
    'policy[0].to[0]',
    'is for services alone: no pool may call "payment"',
  ],
  [{ policy: [{ from: 'order', to: ['search', 'search'] }] }, 'policy[0].to[1]', 'a second time'],
  [
    {
      policy: [
        { from: 'order', to: [] },
        { from: 'order', to: [] },
      ],
    },
    'policy[1].from',
    'as in policy[0]',
  ],
  [{ policy: [{ from: 'order' }] }, 'policy[0].to', 'is required: name the services that it may call'],
  [{ egress: { allow: ['api.example.com'] } }, 'egress.allow[0]', 'must be a URL such as'],
  [{ egress: { allow: ['http://api.example.com/*'] } }, 'egress.allow[0]', 'must start with "https://"'],
  [{ egress: { allow: ['https://10.0.0.1/*'] } }, 'egress.allow[0]', 'must name a host of the public internet'],
  [{ egress: { allow: ['https://db.internal/*'] } }, 'egress.allow[0]', 'must name a host of the public internet'],
  [{ egress: { allow: ['https://a.example.com/*', 'https://a.example.com/*'] } }, 'egress.allow[1]', 'a second time'],
  [{ egress: { from: ['pool:web'] } }, 'egress.from[0]', 'names no service'],
  [{ egress: { from: ['pages', 'pages'] } }, 'egress.from[1]', 'a second time'],
  [{ egress: { timeoutMs: 0 } }, 'egress.timeoutMs', 'must be a whole number from 1 to 60000'],
])('%j: services.%s', (services, path, message) => {
  const parsed = parseDocument(documentOf(services))
  const errors = parsed.ok ? [] : parsed.error
  expect(errors).toContainEqual({ path: `services.${path}`, message: expect.stringContaining(message) })
})
