/** The tests of tests/types/keys.test.ts, over block regions. */
process.env['RSTORE_TEST_REGION'] = 'blocks'
await import('../types/keys.test.js')
export {}
