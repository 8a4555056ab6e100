/** Figures as people read them. */
import type { Metric } from '../workload.js'

const digits = (value: number): string => {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toPrecision(2)
}

/** With a unit that suits its size. */
export function figure(value: number, unit: Metric['unit']): string {
  if (unit === 'ns' && value >= 1e6) return `${digits(value / 1e6)} ms`
  if (unit === 'ns' && value >= 1e3) return `${digits(value / 1e3)} µs`
  return unit === 'per second' ? `${digits(value)}/s` : `${digits(value)} ${unit}`
}

export const times = (ratio: number): string => `${digits(ratio)}×`

/** How many times better the first is. */
export const advantage = (ours: number, theirs: number, { better }: Metric): number =>
  better === 'lower' ? theirs / ours : ours / theirs
