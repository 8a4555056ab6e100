/** The tests of tests/builder/model.test.ts, over block regions. */
process.env['RSTORE_TEST_REGION'] = 'blocks'
await import('../builder/model.test.js')
export {}
