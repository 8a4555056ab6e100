/** Tree nodes. All begin with the same 32 bytes; a root of a map may be smaller than a page. */
import { layout, u16, u32, u8 } from './layout.js'

export const NodeHeader = layout('NodeHeader', 32, 'The first 32 bytes of every node, the cell header included.', {
  sizeAndFlags: u32(0, 'As in CellHeader.'),
  typeId: u16(4, 'TYPE_NODE, or in a root the type id of the map (TYPE_CATALOG_ROOT, TYPE_TYPES_ROOT for those).'),
  generation: u16(6, 'As in CellHeader.'),
  kind: u8(8, 'NODE_…'),
  level: u8(9, '0 in a leaf.'),
  count: u16(10, 'Keys in the node. An inner node has one child more.'),
  keyBytes: u8(12, 'Fixed: 4 or 8. Slotted: 0.'),
  valueBytes: u8(13, 'Leaf: 0, 4 or 8. Inner node: 4, a child ref.'),
  flags: u16(14, 'Zero.'),
  entryCount: u32(16, 'Root: entries of the whole map; else 0.'),
  heapStart: u16(20, 'Slotted: offset of the lowest heap byte. The heap grows down from the end of the node.'),
  heapGarbage: u16(22, 'Slotted: heap bytes that no slot names.'),
  prefixBytes: u16(24, 'Slotted: length of the prefix that all keys between the fences share.'),
  prefixOffset: u16(26, 'Slotted: where in the heap it is.'),
  firstChild: u32(28, 'Inner node: the child before the first key. Anchor: the page-sized root. Leaf: 0.'),
})

export const Slot = layout('Slot', 8, 'Slotted nodes: one for each key, sorted, from the end of the header on.', {
  head: u32(0, 'The first 4 bytes of the key behind the prefix, big-endian, zero-filled.'),
  offset: u16(4, 'Where in the node the entry is: its value or child, then the rest of its key.'),
  keyBytes: u16(6, 'Length of the key behind the prefix; SPILLED (0xffff) when it is in a cell of its own.'),
})

export const SpilledKey = layout('SpilledKey', 8, 'What an entry holds in place of the rest of a long key.', {
  ref: u32(0, 'The TYPE_SPILL cell with the whole key.'),
  keyBytes: u32(4, 'Length of the whole key.'),
})

export const MultimapCell = layout('MultimapCell', 16, 'What a multimap is named by: its cell never moves.', {
  sizeAndFlags: u32(0, 'As in CellHeader.'),
  typeId: u16(4, 'That of the type of the multimap.'),
  generation: u16(6, 'As in CellHeader.'),
  tree: u32(8, 'Root of the tree from keys to roots of trees of values.'),
  pairCount: u32(12, 'Pairs of key and value.'),
})
