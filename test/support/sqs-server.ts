import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { TestContext } from 'vitest';
import { freePort } from './machine.js';
import { notRun } from './not-run.js';

/** Where test/setup.sh installs it. */
const program = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hubwire/moto/bin/moto_server');

/** What moto takes for an account. */
export const sqsAccess = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
} as const;

export function hasSqs(): boolean {
  return existsSync(program);
}

export function requireSqs(context: TestContext): void {
  if (!hasSqs()) notRun(context, 'there is no moto server here, which stands in for SQS; sh test/setup.sh installs it');
}

/** The moto server: AWS services in memory, by others than those who wrote this. */
export class SqsServer {
  readonly #process: ChildProcess;
  readonly #client: SQSClient;
  #queues = 0;

  private constructor(
    child: ChildProcess,
    readonly url: string,
  ) {
    this.#process = child;
    this.#client = new SQSClient({ endpoint: url, ...sqsAccess });
  }

  static async start(): Promise<SqsServer> {
    const port = await freePort();
    const child = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
    for await (const line of createInterface({ input: child.stderr })) {
      if (line.includes('Running on')) break;
    }
    child.stderr.resume();
    if (child.exitCode !== null) throw new Error(`moto_server ended with ${child.exitCode}`);
    return new SqsServer(child, `http://127.0.0.1:${port}`);
  }

  /** @returns its URL */
  async createQueue(isFifo: boolean): Promise<string> {
    this.#queues += 1;
    const name = `hooks-${this.#queues}${isFifo ? '.fifo' : ''}`;
    const Attributes = isFifo ? { FifoQueue: 'true' } : {};
    const { QueueUrl = '' } = await this.#client.send(new CreateQueueCommand({ QueueName: name, Attributes }));
    return QueueUrl;
  }

  async stop(): Promise<void> {
    this.#client.destroy();
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}
