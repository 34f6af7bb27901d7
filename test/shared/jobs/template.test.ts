import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../../shared/jobs/envelope.ts'
import { checkTemplate, fillTemplate, needsResponse, type Sources } from '../../../shared/jobs/template.ts'

const query = new URLSearchParams('size=L&a.b=dotted')
const headers = new Headers({ 'x-tenant': 'acme' })
const answer = new Headers({ location: '/items/7' })

const sources: Sources = {
  request: {
    method: 'POST',
    host: 'www.example.com',
    path: '/items',
    query: (name) => query.get(name),
    header: (name) => headers.get(name),
  },
  answer: (name) => answer.get(name),
  response: { id: 7, image: '/photos/7.jpg', tags: ['a', { name: 'b' }], sold: false, none: null, 'a-b': { c: 1 } },
}

const nothing = undefined

test.each<[template: Json, filled: Json | undefined]>([
  ['plain', 'plain'],
  ['', ''],
  ['{response.image}', '/photos/7.jpg'],
  ['{response.id}', 7],
  ['{response.sold}', false],
  ['{response.tags}', ['a', { name: 'b' }]],
  ['{response.tags.1.name}', 'b'],
  ['{response.a-b.c}', 1],
  ['item {response.id} of {request.host}: {response.tags}', 'item 7 of www.example.com: ["a",{"name":"b"}]'],
  ['{request.method} {request.path}', 'POST /items'],
  ['{request.query.size}', 'L'],
  ['{request.query.a.b}', 'dotted'],
  ['{request.header.X-Tenant}', 'acme'],
  ['{answer.Location}', '/items/7'],
  ['{{response.id}', '{response.id}'],
  ['a } alone', 'a } alone'],
  [
    { path: '{response.image}', presets: ['card', '{response.id}'], n: 3, not: null },
    { path: '/photos/7.jpg', presets: ['card', 7], n: 3, not: null },
  ],
  [{ '{response.id}': 1 }, { '{response.id}': 1 }],
  // What is not there leaves no payload.
  ['{response.missing}', nothing],
  ['{response.none}', nothing],
  ['{response.tags.2}', nothing],
  ['{response.tags.length}', nothing],
  ['{response.image.length}', nothing],
  ['{response.constructor}', nothing],
  ['{response.__proto__}', nothing],
  ['{request.query.none}', nothing],
  ['{request.header.none}', nothing],
  ['{answer.none}', nothing],
  [{ deep: [{ er: 'a {response.missing}' }] }, nothing],
])('%j becomes %j', (template, filled) => expect(fillTemplate(template, sources)).toEqual(filled))

test('what an answer says is not a template', () => {
  const response = { image: '{request.header.x-tenant}' }
  expect(fillTemplate('{response.image}', { ...sources, response })).toBe('{request.header.x-tenant}')
})

test.each<[template: Json, needs: boolean]>([
  [{ a: ['{request.path}', '{answer.location}', 'response.a', '{{response.a}'] }, false],
  [{ a: ['x {response.a}'] }, true],
])('%j needs the body: %s', (template, needs) => expect(needsResponse(template)).toBe(needs))

describe('what is checked', () => {
  test.each<[template: Json]>([
    [{ a: ['{response.a.0}', '{answer.location}', '{request.header.x-a}', 7, null, '{{'] }],
    ['{request.query.a.b}'],
  ])('%j is fine', (template) => expect(checkTemplate(template)).toBeUndefined())

  test.each<[template: Json, problem: RegExp]>([
    ['{response.a', /^has a "\{" that no "\}" follows/],
    ['{}', /^has "\{\}", which is nothing: there are/],
    ['{response}', /which is nothing/],
    ['{response.}', /which is nothing/],
    ['{response..a}', /which is nothing/],
    ['{answer}', /which is nothing/],
    ['{request}', /which is nothing/],
    ['{request.body}', /which is nothing/],
    ['{request.path.a}', /which is nothing/],
    ['{request.query}', /which is nothing/],
    ['{request.header.}', /which is nothing/],
    ['{env.TOKEN}', /which is nothing/],
    [
      { a: [{ b: '{request.header.Authorization}' }] },
      /^has "\{request\.header\.Authorization\}", which lets its bearer in/,
    ],
    ['{request.header.cookie}', /lets its bearer in/],
    ['{answer.Set-Cookie}', /lets its bearer in/],
  ])('%j', (template, problem) => expect(checkTemplate(template)).toMatch(problem))
})

test('JSON without a brace stays what it is', () => {
  const plain = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('{'))
  fc.assert(
    fc.property(plain, (value) => {
      expect(fillTemplate(value as Json, sources)).toEqual(value)
    }),
  )
})

test('whatever is written is judged, and what is fine is filled', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('{', '}', '.', 'response', 'answer', 'request', 'a', ' ') }),
      (text) => {
        if (checkTemplate(text) === undefined) fillTemplate(text, sources)
      },
    ),
  )
})
