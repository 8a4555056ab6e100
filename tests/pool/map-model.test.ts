/** The tests of tests/map/model.test.ts, over block regions. */
process.env['RSTORE_TEST_REGION'] = 'blocks'
await import('../map/model.test.js')
export {}
