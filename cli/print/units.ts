/** Numbers as people read them. */

const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** '1.5 MiB'. */
export function formatBytes(bytes: number): string {
  const step = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), STEPS.length - 1)
  const value = bytes / 1024 ** step
  return `${step === 0 || Number.isInteger(value) ? value : value.toFixed(1)} ${STEPS[step]}`
}

/** '1,234,567'. */
export const formatCount = (count: number | bigint): string => count.toLocaleString('en')

/** '87 %'. */
export const formatShare = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${Math.round(part / whole * 100)} %`

/** '7 s', '1 min 40 s', '2 h 5 min'. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`
}

/** ISO 8601 in UTC; a time that no calendar knows is shown as its number. */
export function formatTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString()
}
