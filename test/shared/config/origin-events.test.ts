import { describe, expect, test } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'
import { errorsOf, smallest, withRoute } from './example.ts'

const job = { type: 'thumbnail', payload: { path: '{response.image}', preset: 'card' } }
const eventOf = (rule: object) => ({
  ...withRoute({ enqueue: [rule] }),
  jobs: { types: { report: { pool: 'web', path: '/jobs/report' } } },
})

test('what is left out', () => {
  const parsed = parseDocument(eventOf({ job }))
  expect(parsed.ok && parsed.value.config.routes[0]?.enqueue).toEqual([
    { on: 'POST', status: '200-299', job: { version: 1, ...job } },
  ])
})

describe('what is fine', () => {
  test.each<[title: string, rule: object]>([
    [
      'a type of the configuration, with any payload',
      { on: 'DELETE', status: '200,204,303', job: { type: 'report', payload: ['{request.path}'] } },
    ],
    [
      'an event, dated by the gateway',
      { job: { type: 'event', payload: { event: 'item.made', data: '{response.id}' } } },
    ],
    ['a payload of null', { job: { type: 'report', payload: null } }],
  ])('%s', (_, rule) => expect(errorsOf(eventOf(rule))).toEqual([]))
})

describe('errors', () => {
  test.each<[title: string, rule: object, place: string, message: RegExp]>([
    [
      'a method without effect',
      { on: 'GET', job },
      '.on',
      /^must be a method that changes something, such as "POST": nothing has happened after GET, HEAD, OPTIONS$/,
    ],
    ['no method', { on: 'post', job }, '.on', /^methods are case-sensitive: write "POST"$/],
    ['a failure', { status: '200,404', job }, '.status', /^must be successes, from 200 to 399/],
    ['no status', { status: 'ok', job }, '.status', /^must be statuses from 100 to 599/],
    ['no job', {}, '.job', /^must be an object|is required/],
    ['no type', { job: { payload: 1 } }, '.job.type', /^is required: name the type of job$/],
    ['no payload', { job: { type: 'report' } }, '.job.payload', /^is required: give the payload/],
    [
      'an unknown type',
      { job: { type: 'raport', payload: 1 } },
      '.job.type',
      /^is none: the type "raport" is not known here/,
    ],
    ['an unknown version', { job: { ...job, version: 2 } }, '.job.type', /^is none: version 2 of "thumbnail"/],
    [
      'a payload that the type does not know',
      { job: { type: 'thumbnail', payload: { path: 'a' } } },
      '.job.payload.preset',
      /^is required$/,
    ],
    [
      'a placeholder of nothing',
      { job: { type: 'report', payload: { a: '{response}' } } },
      '.job.payload',
      /^has "\{response\}", which is nothing/,
    ],
    [
      'a secret',
      { job: { type: 'report', payload: '{request.header.cookie}' } },
      '.job.payload',
      /which lets its bearer in/,
    ],
    ['an unknown field', { job, when: 1 }, '.when', /^unknown field "when"/],
  ])('%s', (_, rule, place, message) => {
    expect(errorsOf(eventOf(rule))).toEqual([[`routes[0].enqueue[0]${place}`, expect.stringMatching(message)]])
  })

  test('too many', () => {
    const enqueue = Array.from({ length: 17 }, () => ({ job }))
    expect(errorsOf(withRoute({ enqueue }))).toEqual([
      ['routes[0].enqueue', expect.stringMatching(/^must be 16 at most/)],
    ])
  })
})

test.each<[fields: object, place: string, message: RegExp]>([
  [{ holdSeconds: -1 }, 'holdSeconds', /^must be a whole number from 0 to 3600; got -1$/],
  [{ everySeconds: 'often' }, 'everySeconds', /^must be a whole number from 0 to 86400; got "often"$/],
  [{ hold: 1 }, 'hold', /^unknown field "hold": the fields here are holdSeconds, everySeconds$/],
])('notifications: %j', (fields, place, message) => {
  expect(errorsOf({ ...smallest(), notifications: fields })).toEqual([
    [`notifications.${place}`, expect.stringMatching(message)],
  ])
})
