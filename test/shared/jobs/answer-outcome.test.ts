import { expect, test } from 'vitest'
import { type AnswerOutcome, outcomeOfAnswer } from '../../../shared/jobs/answer-outcome.ts'

test.each<[status: number, retryAfterMs: number | undefined, outcome: AnswerOutcome]>([
  [200, undefined, { kind: 'done' }],
  [204, 5000, { kind: 'done' }],
  [301, undefined, { kind: 'failed', because: 'Status 301: redirects are not followed.' }],
  [400, undefined, { kind: 'failed', because: 'Status 400.' }],
  [410, 5000, { kind: 'failed', because: 'Status 410.' }],
  [408, undefined, { kind: 'again', because: 'Status 408.' }],
  [425, undefined, { kind: 'again', because: 'Status 425.' }],
  [429, 1500, { kind: 'again', because: 'Status 429.', afterSeconds: 2 }],
  [500, undefined, { kind: 'again', because: 'Status 500.' }],
  [503, 0, { kind: 'again', because: 'Status 503.', afterSeconds: 0 }],
])('%i with Retry-After %s', (status, retryAfterMs, outcome) => {
  expect(outcomeOfAnswer(status, retryAfterMs)).toEqual(outcome)
})
