import { readFileSync, writeFileSync } from 'node:fs';

/** Memory of a process that is in RAM, in bytes. */
export interface Resident {
  readonly current: number;
  /** Since `restartPeak`. */
  readonly peak: number;
}

/** Undefined where there is no /proc, or the process has ended. */
export function readResident(pid: number): Resident | undefined {
  try {
    return residentOf(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Where it cannot be done, the peak is that of the whole life of the process: never lower. [proc(5), clear_refs] */
export function restartPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // not Linux, or not allowed
  }
}

/** @param status the text of /proc/PID/status */
export function residentOf(status: string): Resident | undefined {
  const bytesOf = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  const [current, peak] = [bytesOf('VmRSS'), bytesOf('VmHWM')];
  return Number.isNaN(current) || Number.isNaN(peak) ? undefined : { current, peak };
}
