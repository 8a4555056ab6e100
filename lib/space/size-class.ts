/**
 * Size classes of free cells: 8 to each power of two. Cells of up to 15 units have a class for each
 * size; beyond that class 8 (f − 2) + s holds the sizes from (8 + s) · 2^(f − 3) units on, up to
 * where the next class begins, with f = floor(log2(units)).
 */
export const sizeClassOf = (units: number): number => {
  if (units < 8) return units
  const power = 31 - Math.clz32(units)
  return ((power - 2) << 3) + ((units >>> (power - 3)) & 7)
}

/** The smallest size in a class, in units. */
export const leastUnitsOf = (sizeClass: number): number => {
  if (sizeClass < 8) return sizeClass
  return (8 + (sizeClass & 7)) * 2 ** ((sizeClass >>> 3) - 1)
}
