import { expect, test } from 'vitest'
import type { Json } from '../../../shared/jobs/envelope.ts'
import { followUp } from '../../../shared/jobs/follow-up.ts'

const thumbnail = (path: string) => ({ path, preset: 'card' })

test.each<[type: string, payload: Json, completed: Json]>([
  ['event', { event: 'a', data: 1 }, { at: 7, event: 'a', data: 1 }],
  ['webhook', { event: 'a', at: 5, data: 1 }, { event: 'a', at: 5, data: 1 }],
  ['report', { a: 1 }, { a: 1 }],
  ['report', { path: '/_weir/media/a.jpg' }, { path: '/_weir/media/a.jpg' }],
  ['event', ['a'], ['a']],
  ['event', null, null],
  ['thumbnail', thumbnail('items/3.jpg'), thumbnail('items/3.jpg')],
  ['thumbnail', thumbnail('/_weir/media/items/3.jpg'), thumbnail('items/3.jpg')],
  ['thumbnail', thumbnail('https://www.example.com/_weir/media/items/a%20b.jpg?v=2'), thumbnail('items/a b.jpg')],
  ['thumbnail', thumbnail('/_weir/media/100%.jpg'), thumbnail('100%.jpg')],
  ['thumbnail', thumbnail('https://cdn.example.com/3.jpg'), thumbnail('https://cdn.example.com/3.jpg')],
  ['thumbnail', { preset: 'card' }, { preset: 'card' }],
])('%s: %j', (type, payload, completed) => expect(followUp(type, payload, 7)).toEqual(completed))
