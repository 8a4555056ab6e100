/** The whole as JSON. */
import { driverOf } from './whole.js'

export const driver = driverOf({
  name: 'json',
  settings: 'one file, parsed whole into a Map',
  load: async () => undefined,
  version: () => process.versions.v8,
  encode: (entries) => JSON.stringify(entries),
  decode: (bytes) => JSON.parse(bytes.toString('utf8')),
})
