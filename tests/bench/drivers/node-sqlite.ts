/** SQLite through `node:sqlite`, which Node has from version 22.13 on. */
import { createRequire } from 'node:module'
import { methodsOf, type Driver } from '../driver.js'
import { SETTINGS, SqlTable, databasePath } from './sql.js'

const nodeSqlite = () => createRequire(import.meta.url)('node:sqlite')

export const driver: Driver = {
  kind: 'store',
  name: 'node:sqlite',
  settings: SETTINGS,
  methods: methodsOf(SqlTable),
  load: async () => nodeSqlite(),
  version: () => process.version,
  open: async (directory, options) =>
    new SqlTable(new (nodeSqlite().DatabaseSync)(databasePath(directory)), options),
}
