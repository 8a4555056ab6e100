/** For comparison: what a fresh process pays that parses the same data. */
import { performance } from 'node:perf_hooks'
import { parsePlaces } from './schema.js'

const begun = performance.now()
const places = parsePlaces()
const first = places[100_000]?.name
const openMs = performance.now() - begun
console.log(`place 100,000: ${first}`)
console.log(JSON.stringify({ openMs, rss: process.memoryUsage.rss() }))
