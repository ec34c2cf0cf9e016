import { constants } from 'node:os';
import { outputFailed } from './broken-output.js';
import type { Environment } from './settings.js';
import { leaveClosedTerminals } from './terminals.js';

/** How often the parent process is looked at, in milliseconds. */
const parentCheckMs = 250;

const aliveMs = 1_000;

/** A closed terminal (SIGHUP) stops the service as gracefully as SIGTERM does; hubs.yaml is read again without a signal. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Runs `stop`, which waits for what is under way, at the first signal; a second signal ends the process at once. SIGHUP is no
 * second signal: a terminal that is closed sends it twice, by the kernel and by the shell, and systemd may send it after SIGTERM. [design 5]
 */
export function onStopSignal(env: Environment, stop: () => Promise<void>): void {
  let isStopping = false;
  process.stdout.off('error', outputFailed);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignore);
  leaveClosedTerminals();
  const end = async (signal: NodeJS.Signals) => {
    if (isStopping && signal === 'SIGHUP') return;
    if (isStopping) process.exit(128 + constants.signals[signal]);
    isStopping = true;
    setInterval(ignore, aliveMs); // what a stop waits for need not keep the process alive: a timer, a connection that is away
    await stop();
    process.exit(0);
  };
  for (const signal of stopSignals) process.on(signal, () => void end(signal));
  if (isNpmOurParent(env)) onOrphaned(() => !isStopping && void end('SIGTERM'));
}

/** The service goes on when its terminal, or the reader of its log, has ended. */
function ignore(): void {}

/**
 * `npm start` and `npx` run a command through a shell and pass signals to that shell, which ends without passing them on.
 * The service ends with it then; otherwise an orphan process would keep the ports.
 */
function isNpmOurParent(env: Environment): boolean {
  return env.npm_command === 'start' || env.npm_command === 'exec';
}

function onOrphaned(act: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    act();
  }, parentCheckMs);
  timer.unref();
}
