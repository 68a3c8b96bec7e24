// Addresses of services: the real ones, and variables that replace them.
import { expect, test } from 'vitest'
import { endpointsFrom, endpointVariable } from '../../../src/net/endpoints.js'

test('the real ones are https, without a slash at the end', () => {
  for (const url of Object.values(endpointsFrom({}))) expect(url).toMatch(/^https:\/\/[a-z0-9.-]+(\/[a-z0-9]+)*$/)
})

test('a variable replaces one', () => {
  const variable = endpointVariable('cmr')
  expect(variable).toBe('ASTER_CMR_URL')
  const { cmr, edl } = endpointsFrom({ [variable]: 'http://127.0.0.1:8080/search/' })
  expect([cmr, edl]).toEqual(['http://127.0.0.1:8080/search', 'https://urs.earthdata.nasa.gov'])
  expect(endpointsFrom({ [variable]: '' }).cmr).toBe(endpointsFrom({}).cmr)
})

test.each([
  'http://example.org/search',
  'https://me:secretword@example.org/',
  'https://example.org/?token=secretword',
  'https://example.org/#x',
  'ftp://example.org/',
  'example.org',
])('%s is refused', (address) => {
  const tried = () => endpointsFrom({ ASTER_EDL_URL: address })
  expect(tried).toThrow(expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('ASTER_EDL_URL') }))
  expect(tried).not.toThrow(/secretword/)
})
