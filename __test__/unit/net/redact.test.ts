// What is taken out of texts before anybody sees them, and what stays.
import { expect, test } from 'vitest'
import { redact, safeUrl } from '../../../src/net/redact.js'

test.each([
  ['https://me:word@host.example:8443/a/b?sig=1#x', 'https://host.example:8443/a/b'],
  ['https://host.example', 'https://host.example/'],
  ['nonsense', '(not a URL)'],
])('an address without its secrets: %s', (url, expected) => {
  expect(safeUrl(url)).toBe(expected)
})

test.each([
  [
    'see https://d1.cloudfront.net/s3-0/x.tif?Expires=1&Signature=abc&Key-Pair-Id=K.',
    'see https://d1.cloudfront.net/s3-0/x.tif.',
  ],
  ['Authorization: Bearer abcdefgh.ijkl', 'Authorization: Bearer [removed]'],
  ['Basic dXNlcjpwYXNz rejected', 'Basic [removed] rejected'],
  ['got eyJhbGciOi.eyJ1aWQi.c2ln here', 'got [removed] here'],
  ['{"access_token":"abc","expires":3}', '{"access_token":"[removed]","expires":3}'],
  ['password=hunter2&x=1', 'password=[removed]&x=1'],
  ['se=2026&sig=a%2Bb&sp=r', 'se=2026&sig=[removed]&sp=r'],
])('%s', (text, expected) => {
  expect(redact(text)).toBe(expected)
})

test.each([
  'page_size must be a number between 0 and 2000',
  'Point longitude [181] must be within -180.0 and 180.0',
  'AST_L1T: 3 signatures',
])('plain words stay: %s', (text) => expect(redact(text)).toBe(text))
