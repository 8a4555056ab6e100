/** The tests of tests/types/scalars.test.ts, over block regions. */
process.env['RSTORE_TEST_REGION'] = 'blocks'
await import('../types/scalars.test.js')
export {}
