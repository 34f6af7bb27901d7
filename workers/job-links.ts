// The paths of a job. Some of them let whoever has one do one thing with that one job, by a MAC that they end with.
import type { SealPort } from './ports.ts'

export const jobPath = (id: string): string => `/_weir/jobs/${id}`

/** Of who may see how the job stands. */
const watchName = (id: string): string => `job ${id}`

export const watchLink = async (id: string, seal: SealPort): Promise<string> =>
  `${jobPath(id)}/events?token=${await seal.mac(watchName(id))}`

export const mayWatch = (id: string, token: string, seal: SealPort): Promise<boolean> =>
  seal.isMac(watchName(id), token)

/** Of who has this run of the job, and tells how far it is. */
const runName = (id: string, run: string): string => `run ${run} of job ${id}`

/** `run` is the token of the run: what an earlier one says is not heard. */
export const progressLink = async (id: string, run: number, seal: SealPort): Promise<string> =>
  `${jobPath(id)}/progress?run=${run}&token=${await seal.mac(runName(id, String(run)))}`

export const mayTellOf = (id: string, run: string, token: string, seal: SealPort): Promise<boolean> =>
  seal.isMac(runName(id, run), token)
