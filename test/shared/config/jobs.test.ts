import { describe, expect, test } from 'vitest'
import { ruleOf } from '../../../shared/config/jobs.ts'
import { parseDocument } from '../../../shared/config/parse.ts'
import { errorsOf, smallest } from './example.ts'

const withJobs = (jobs: object) => ({ ...smallest(), jobs })
const withType = (type: object, name = 'report') =>
  withJobs({ types: { [name]: { pool: 'web', path: '/r', ...type } } })
const withSubscriber = (subscriber: object) =>
  withJobs({ subscribers: { shop: { url: 'https://a.example.com/', events: ['*'], ...subscriber } } })

test('a type has the times of all jobs, and its own before them', () => {
  const types = {
    report: { pool: 'web', path: '/r' },
    film: { pool: 'web', path: '/f', tries: 2, timeoutSeconds: 600 },
  }
  const parsed = parseDocument(withJobs({ types, tries: 7, keepSeconds: 60 }))
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  const { jobs } = parsed.value.config
  const all = { baseDelayMs: 5000, deadlineMs: 86_400_000, keepMs: 60_000, resendMs: 300_000, leaseMs: 15_000 }
  expect(ruleOf(jobs, 'report')).toEqual({ ...all, tries: 7, timeoutMs: 60_000 })
  expect(ruleOf(jobs, 'film')).toEqual({ ...all, tries: 2, timeoutMs: 600_000 })
  expect(ruleOf(jobs, 'webhook')).toEqual({ ...all, tries: 15, timeoutMs: 60_000 })
  expect(ruleOf(jobs, 'constructor')).toEqual(ruleOf(jobs, 'report'))
})

describe('errors', () => {
  test.each<[title: string, document: unknown, path: string, message: string]>([
    [
      'no pool',
      withType({ pool: undefined }),
      'jobs.types.report.pool',
      'is required: name the pool whose origins do such jobs',
    ],
    [
      'a pool that does not exist',
      withType({ pool: 'wbe' }),
      'jobs.types.report.pool',
      'names no pool: the pools are web; got "wbe"',
    ],
    [
      'no path',
      withType({ path: undefined }),
      'jobs.types.report.path',
      'is required: say where its origins take such jobs, as in "/jobs/report"',
    ],
    [
      'a path without a slash',
      withType({ path: 'r' }),
      'jobs.types.report.path',
      'must start with "/" and be printable ASCII; got "r"',
    ],
    [
      'a name that is taken',
      withType({}, 'webhook'),
      'jobs.types.webhook',
      'is a type that the gateway does itself: choose another name',
    ],
    [
      'a name with capitals',
      withType({}, 'Report'),
      'jobs.types.Report',
      'is not a type of jobs: use 1 to 64 small letters, digits, ".", "_" or "-", with a letter first',
    ],
    ['no tries', withType({ tries: 0 }), 'jobs.types.report.tries', 'must be a whole number from 1 to 100; got 0'],
    [
      'an endless run',
      withType({ timeoutSeconds: 601 }),
      'jobs.types.report.timeoutSeconds',
      'must be a whole number from 1 to 600; got 601',
    ],
    [
      'a hasty lease',
      withJobs({ leaseSeconds: 1 }),
      'jobs.leaseSeconds',
      'must be a whole number from 2 to 600; got 1',
    ],
    [
      'no events',
      withSubscriber({ events: [] }),
      'jobs.subscribers.shop.events',
      'must not be empty: name at least one event, such as "order.*"',
    ],
    [
      'a star in the midst',
      withSubscriber({ events: ['a*b'] }),
      'jobs.subscribers.shop.events[0]',
      'must be an event such as "order.paid", or its beginning and a star, as in "order.*"; got "a*b"',
    ],
    [
      'no url',
      withSubscriber({ url: undefined }),
      'jobs.subscribers.shop.url',
      'is required: give the URL that the webhooks are sent to',
    ],
  ])('%s', (_, document, path, message) => expect(errorsOf(document)).toEqual([[path, message]]))
})
