/** The whole as MessagePack, with record structures. */
import { requirePeer, versionOf } from '../peers.js'
import { driverOf } from './whole.js'

const packr = () => new (requirePeer('msgpackr').Packr)({ useRecords: true })

export const driver = driverOf({
  name: 'msgpackr',
  settings: 'one file with record structures, parsed whole into a Map',
  load: async () => requirePeer('msgpackr'),
  version: () => versionOf('msgpackr'),
  encode: (entries) => packr().pack(entries),
  decode: (bytes) => packr().unpack(bytes),
})
