import { type ChildProcess, fork } from 'node:child_process';
import cluster, { type Worker } from 'node:cluster';
import type { EventEmitter } from 'node:events';
import type { FromWorker, ToWorker } from './messages.js';
import type { ForkedProcess } from './worker-process.js';

/**
 * This program once more, with the same arguments. The processes share the sockets that they listen on; connections go to them in
 * turn. They end when this process ends, however that is. @param variables of its environment, besides those of this process
 */
export function forkWorker(variables: Readonly<Record<string, string>>): ForkedProcess {
  cluster.setupPrimary({ args: process.argv.slice(2), serialization: 'advanced' });
  return forkedProcess(cluster.fork(variables));
}

function forkedProcess(worker: Worker): ForkedProcess {
  return {
    pid: worker.process.pid ?? 0,
    send: (message: ToWorker) => {
      if (worker.isConnected()) worker.send(message, ignore);
    },
    onMessage: listener => worker.on('message', (message: FromWorker) => listener(message)),
    onExit: listener => onEnd(worker, worker.process, listener),
    kill: signal => void worker.process.kill(signal),
  };
}

/** What a worker that ends does not receive does not matter. */
function ignore(): void {}

/** As `forkWorker`, for processes that share no sockets. */
export function forkNode(env: NodeJS.ProcessEnv): ForkedProcess {
  const child = fork(process.argv[1] ?? '', process.argv.slice(2), { env, serialization: 'advanced' });
  return {
    pid: child.pid ?? 0,
    send: message => {
      if (child.connected) child.send(message, ignore);
    },
    onMessage: listener => child.on('message', message => listener(message as FromWorker)),
    onExit: listener => onEnd(child, child, listener),
    kill: signal => void child.kill(signal),
  };
}

/** One that cannot be started, as where the system has no room for another process, says so and has no exit. */
function onEnd(source: Pick<EventEmitter, 'once' | 'on'>, child: ChildProcess, listener: (end: string) => void): void {
  source.once('exit', (code: number | null, signal: string | null) => listener(signal ?? `exit code ${code}`));
  source.on('error', (error: Error) => {
    if (child.pid === undefined) listener(`it cannot be started (${error.message})`);
  });
}

/** A worker's way to its parent. */
export interface Channel {
  send(message: FromWorker): void;
  onMessage(listener: (message: ToWorker) => void): void;
}

/** Of this process, which is a worker. */
export function ownChannel(): Channel {
  return {
    send: message => void process.send?.(message),
    onMessage: listener => void process.on('message', (message: ToWorker) => listener(message)),
  };
}
