/** The tests of tests/types/number.test.ts, over block regions. */
process.env['RSTORE_TEST_REGION'] = 'blocks'
await import('../types/number.test.js')
export {}
