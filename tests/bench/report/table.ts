/** The results as tables in Markdown: a row a workload, a column a peer. */
import { DRIVERS, OURS, RIVAL } from '../drivers/index.js'
import { median, type Series } from '../rounds.js'
import { targetsOf } from '../targets.js'
import { workloadNamed } from '../workloads/index.js'
import type { Metric } from '../workload.js'
import { advantage, figure, times } from './numbers.js'

interface Row { title: string; metric: Metric; workload: string; medians: Map<string, number> }

export function rowsOf(series: readonly Series[]): Row[] {
  return [...new Set(series.map(({ workload }) => workload))].flatMap((name) => {
    const { title, metrics } = workloadNamed(name)
    return metrics.map((metric, index) => ({
      title: metric.label === '' ? title : `${title}: ${metric.label}`,
      metric,
      workload: name,
      medians: new Map(series
        .filter((one) => one.workload === name && one.values[index]!.length > 0)
        .map((one) => [one.driver, median(one.values[index]!)])),
    }))
  })
}

function cell({ medians, metric }: Row, driver: string): string {
  const value = medians.get(driver)
  const ours = medians.get(OURS)
  if (value === undefined) return ''
  if (driver === OURS || ours === undefined) return `**${figure(value, metric.unit)}**`
  return `${figure(value, metric.unit)} (${times(advantage(ours, value, metric))})`
}

/** The targets of a row and whether they are met; those of the first metric. */
function verdict({ workload, medians, metric }: Row, records: number): string {
  if (metric !== workloadNamed(workload).metrics[0]) return ''
  const ours = medians.get(OURS)
  return targetsOf(workload, records).map(({ atLeast, peer = RIVAL }) => {
    const theirs = medians.get(peer)
    if (ours === undefined || theirs === undefined) return ''
    const met = advantage(ours, theirs, metric) >= atLeast
    const aim = peer === RIVAL ? times(atLeast) : `${(1 / atLeast).toFixed(1)} × ${peer}`
    return met ? `${aim}: met` : `${aim}: **missed**`
  }).filter((text) => text !== '').join('; ')
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** The table of all workloads with so many records. */
export function tableOf(all: readonly Series[], records: number): string {
  const series = all.filter((one) => one.records === records)
  const drivers = DRIVERS.map(({ name }) => name)
    .filter((name) => series.some(({ driver }) => driver === name))
  const rows = rowsOf(series).map((row) =>
    line([row.title, ...drivers.map((driver) => cell(row, driver)), verdict(row, records)]))
  return [
    line(['', ...drivers, `target (× ${RIVAL})`]),
    line(['---', ...drivers.map(() => '---:'), '---']),
    ...rows,
  ].join('\n')
}

export const sizesIn = (series: readonly Series[]): number[] =>
  [...new Set(series.map(({ records }) => records))].sort((one, other) => one - other)
