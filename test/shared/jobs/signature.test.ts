import { expect, test } from 'vitest'
import { parseSecrets, signatureFields, signedContent } from '../../../shared/jobs/signature.ts'

const key = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const text = 'a-long-text-that-nobody-guesses'

test('keys are base64 behind whsec_, or any text', () => {
  const parsed = parseSecrets(` whsec_${key}, ${text},`)
  expect(parsed).toEqual({
    ok: true,
    value: [Uint8Array.from(Buffer.from(key, 'base64')), new TextEncoder().encode(text)],
  })
})

test.each([
  ['none', undefined, /^There is no WEBHOOK_SECRET/],
  ['an empty one', ' ,', /^There is no WEBHOOK_SECRET/],
  ['a short text', 'short', /^Each WEBHOOK_SECRET must be/],
  ['a short key', 'whsec_c2hvcnQ=', /^Each WEBHOOK_SECRET must be/],
  ['no base64', 'whsec_***', /^Each WEBHOOK_SECRET must be/],
  ['one good, one bad', `whsec_${key},short`, /^Each WEBHOOK_SECRET must be/],
])('%s', (_, list, error) => expect(parseSecrets(list)).toEqual({ ok: false, error: expect.stringMatching(error) }))

test('what is signed and what is sent', () => {
  expect(signedContent('msg_1', 1614265330, '{"a":1}')).toBe('msg_1.1614265330.{"a":1}')
  expect(signatureFields('msg_1', 1614265330, ['bmV3', 'b2xk'])).toEqual({
    'webhook-id': 'msg_1',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,bmV3 v1,b2xk',
  })
})
