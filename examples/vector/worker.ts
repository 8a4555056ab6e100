/** Pushes a thousand numbers to a vector that somebody else made. */
import { workerData } from 'node:worker_threads'
import { SharedVector, t } from 'rstore'

const { path, value } = workerData as { path: string; value: number }
using samples = SharedVector.open(path, t.f64)
for (let i = 0; i < 1_000; i++) samples.push(value)
