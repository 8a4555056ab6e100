/** What the tests of packed regions pack. */
import { t, type Infer, type WritableRegion } from '../../lib/index.js'

export const City = t.struct('City', { name: t.string, population: t.u32, shape: t.array(t.f64) })
export const Atlas = t.struct('Atlas', {
  title: t.string,
  cities: t.map(t.string, City),
})
export type AtlasView = Infer<typeof Atlas>

/** Fills an atlas with `count` cities. */
export const fill = (count: number, title = 'atlas') =>
  (_region: WritableRegion, root: AtlasView): AtlasView => {
    root.title = title
    for (let i = 0; i < count; i++) {
      root.cities.set(`city ${i}`, { name: `name ${i}`, population: i, shape: [i, i / 2] })
    }
    return root
  }
