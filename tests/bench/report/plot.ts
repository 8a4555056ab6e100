/**
 * Plots as SVG, by vega-lite: it is maintained, takes data as it is, and draws without a browser or
 * a DOM.
 */
import { importPeer } from '../peers.js'

/** A vega-lite specification to the text of an SVG file. */
async function svgOf(specification: object): Promise<string> {
  const vega = await importPeer('vega')
  const { compile } = await importPeer('vega-lite')
  const { spec } = compile({
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json', background: 'white',
    ...specification,
  })
  const view = new vega.View(vega.parse(spec), { renderer: 'none' })
  const svg: string = await view.toSVG()
  view.finalize()
  return `${svg}\n`
}

export interface Bar { title: string; driver: string; advantage: number }

const factor = (text: string) => ({ title: text, scale: { type: 'log' } })

/** How many times better than each peer, a row a workload; right of 1 is better than the peer. */
export function plotOfRatios(bars: readonly Bar[]): Promise<string> {
  const y = { field: 'title', type: 'nominal', sort: null, title: null, axis: { labelLimit: 420 } }
  return svgOf({
    title: 'How many times better than each peer (right of 1: better)',
    width: 520,
    height: { step: 22 },
    data: { values: bars },
    layer: [
      { mark: { type: 'rule', color: '#888' }, encoding: { x: { datum: 1 } } },
      {
        mark: { type: 'point', filled: true, size: 70 },
        encoding: {
          x: { field: 'advantage', type: 'quantitative', ...factor('times better') },
          y,
          color: { field: 'driver', type: 'nominal', title: 'than' },
          shape: { field: 'driver', type: 'nominal', title: 'than' },
        },
      },
    ],
  })
}

export interface Point { panel: string; driver: string; records: number; value: number }

/** Cost as work grows: a panel an operation, both axes logarithmic. */
export function plotOfScale(points: readonly Point[]): Promise<string> {
  return svgOf({
    title: 'Cost as the number of records grows',
    data: { values: points },
    facet: { field: 'panel', type: 'nominal', title: null, sort: null },
    columns: 2,
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 320,
      height: 200,
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'records', type: 'quantitative', ...factor('records'), axis: { format: '~s' } },
        y: { field: 'value', type: 'quantitative', ...factor('') },
        color: { field: 'driver', type: 'nominal', title: null },
        strokeDash: { field: 'driver', type: 'nominal', title: null },
      },
    },
  })
}
