/** SQLite through better-sqlite3. */
import { methodsOf, type Driver } from '../driver.js'
import { requirePeer, versionOf } from '../peers.js'
import { SETTINGS, SqlTable, databasePath } from './sql.js'

export const driver: Driver = {
  kind: 'store',
  name: 'better-sqlite3',
  settings: SETTINGS,
  methods: methodsOf(SqlTable),
  // Its addon, which is of one version of Node, is loaded with the first database.
  load: async () => new (requirePeer('better-sqlite3'))(':memory:').close(),
  version: () => versionOf('better-sqlite3'),
  open: async (directory, options) =>
    new SqlTable(new (requirePeer('better-sqlite3'))(databasePath(directory)), options),
}
