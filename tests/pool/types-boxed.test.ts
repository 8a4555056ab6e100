/** The tests of tests/types/boxed.test.ts, over block regions. */
process.env['RSTORE_TEST_REGION'] = 'blocks'
await import('../types/boxed.test.js')
export {}
