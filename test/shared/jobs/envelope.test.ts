import { describe, expect, test } from 'vitest'
import { callerOf, parseEnvelope, payloadErrors, unknownKind } from '../../../shared/jobs/envelope.ts'

const envelope = {
  type: 'report',
  version: 1,
  id: '0123456789abcdef0123456789abcdef',
  key: 'pool:web order 17',
  deadline: 1e12,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  payload: { month: '2026-10' },
}

test('an envelope is what was sent', () => {
  expect(parseEnvelope(envelope)).toEqual({ ok: true, value: envelope })
  const withCallback = { ...envelope, callback: 'https://a.example.com/', payload: null }
  expect(parseEnvelope(withCallback)).toEqual({ ok: true, value: withCallback })
  expect(callerOf(envelope)).toBe('pool:web')
})

describe('what is no envelope', () => {
  test.each<[title: string, message: unknown, path: string, says: string]>([
    ['nothing', undefined, '(document)', 'is required'],
    ['a text', 'hello', '(document)', 'must be an object {…}; got "hello"'],
    ['no payload', { ...envelope, payload: undefined }, 'payload', 'is required: any JSON'],
    ['an id of a path', { ...envelope, id: '../0' }, 'id', 'must be 32 hexadecimal digits'],
    ['a key of nobody', { ...envelope, key: 'order' }, 'key', 'must be who wants it, a space, and a name for it'],
    ['version 0', { ...envelope, version: 0 }, 'version', 'must be 1 or more'],
    ['a broken trace', { ...envelope, traceparent: '00' }, 'traceparent', 'must be a traceparent of the W3C'],
    [
      'a field of tomorrow',
      { ...envelope, mood: 1 },
      'mood',
      'unknown field "mood": the fields here are type, version, id, key, deadline, traceparent, payload, callback',
    ],
  ])('%s', (_, message, path, says) => {
    expect(parseEnvelope(message)).toEqual({ ok: false, error: [{ path, message: says }] })
  })

  test('what is nested without end', () => {
    const endless: { self?: unknown } = {}
    endless.self = endless
    expect(parseEnvelope({ ...envelope, payload: endless })).toMatchObject({ ok: false })
  })
})

test('kinds that are known stand side by side, and of others it is said what is known', () => {
  const kind = (type: string, version = 1) => unknownKind({ type, version }, ['report'])
  expect([kind('webhook'), kind('event'), kind('thumbnail'), kind('report', 9)]).toEqual(Array(4).fill(undefined))
  expect(kind('webhook', 2)).toBe('version 2 of "webhook" is not known here: the versions are 1')
  expect(kind('toString')).toBe(
    'the type "toString" is not known here: the types are thumbnail, webhook, event, report, and "jobs" of the configuration names more',
  )
})

describe('payloads', () => {
  test.each<[title: string, type: string, payload: unknown, errors: string[]]>([
    ['of the configuration: anything', 'report', [1, null], []],
    ['of a thumbnail', 'thumbnail', { path: 'a.jpg', preset: 'card' }, []],
    ['of a thumbnail without its preset', 'thumbnail', { path: 'a.jpg' }, ['payload.preset is required']],
    ['of an event without data', 'event', { event: 'a', at: 1 }, ['payload.data is required: any JSON']],
    ['no object', 'webhook', 7, ['payload must be an object {…}; got 7']],
  ])('%s', (_, type, payload, errors) => {
    const found = payloadErrors({ type, version: 1, payload: payload as never })
    expect(found.map(({ path, message }) => `${path} ${message}`)).toEqual(errors)
  })
})
