/** The tests of tests/types/evolution.test.ts, over block regions. */
process.env['RSTORE_TEST_REGION'] = 'blocks'
await import('../types/evolution.test.js')
export {}
