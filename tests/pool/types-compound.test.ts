/** The tests of tests/types/compound.test.ts, over block regions. */
process.env['RSTORE_TEST_REGION'] = 'blocks'
await import('../types/compound.test.js')
export {}
