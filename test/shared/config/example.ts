// Documents for the tests of this folder: the complete example of the configuration's contract, with its comments,
// the smallest document there is, and that one with something changed.

import { parseDocument } from '../../../shared/config/parse.ts'

export const EXAMPLE = `{
  "pools": {
    "web": {
      "origins": [
        { "id": "a", "url": "https://a.example.com", "weight": 1, "priority": 0, "state": "ready" }   // ready | drain | off
      ],
      "policy": "peak-ewma",          // round-robin | random | least-request | peak-ewma | hash
      "hashOn": "ip",                 // for hash: ip | path | url | session | header:NAME | cookie:NAME
      "timeouts": { "headersMs": 10000, "idleMs": 30000 },
      "retry":    { "tries": 2, "budgetPercent": 20 },                     // attempts in all, the first included
      "hedge":    { "afterMs": 300, "budgetPercent": 5 },                 // absent: off
      "monitor":  { "path": "/healthz", "expectStatus": "200-299", "intervalSeconds": 10, "timeoutMs": 2000, "fails": 3, "passes": 2 },
      "ejection": { "failures": 3, "baseSeconds": 30, "maxPercent": 50 },
      "panicPercent": 50,
      "affinity": { "by": "cookie", "ttlSeconds": 1800, "onFailure": "temporary" }   // cookie | ip | header:NAME; temporary | sticky | none
    },
    "backup": { "origins": [{ "url": "https://b.example.com" }] }
  },
  "routes": [                          // the first that matches
    {
      "id": "static", "host": "*.example.com", "path": "/static/*", "methods": ["GET", "HEAD"],
      "pools": ["web", "backup"],      // steering: in this order, by health
      "cache": {
        "mode": "respect",             // off | respect (what the origin says, RFC 9111) | force
        "ttlSeconds": 300,             // force: always; respect: when the origin says nothing (absent: heuristic rules)
        "graceSeconds": 60, "errorGraceSeconds": 86400,
        "key": { "query": "all", "headers": [], "cookies": [] },   // query: all | none | {"only": […]} | {"except": […]}
        "collapse": "colo"             // off | colo | global
      },
      "session": false
    }
  ]
}
`

/** A new document each time, to be changed by the test that takes it. */
export const smallest = () => ({
  pools: { web: { origins: [{ url: 'http://127.0.0.1:9001' }] } },
  routes: [{ path: '/*', pools: ['web'] }],
})

/** The smallest document with these fields in its pool, its origin, its route. */
export const withPool = (fields: object) => ({
  ...smallest(),
  pools: { web: { ...smallest().pools.web, ...fields } },
})
export const withOrigin = (fields: object) => withPool({ origins: [{ url: 'http://127.0.0.1:9001', ...fields }] })
export const withRoute = (fields: object) => ({ ...smallest(), routes: [{ ...smallest().routes[0], ...fields }] })

/** All errors of a document, each as [path, message]. */
export const errorsOf = (document: unknown): string[][] => {
  const parsed = parseDocument(document)
  return parsed.ok ? [] : parsed.error.map(({ path, message }) => [path, message])
}
