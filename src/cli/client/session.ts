import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { printable } from '../printable.js';
import { UsageError } from '../usage-error.js';
import { commandOf, usage } from './commands.js';
import { makeSocket, opened } from './connect.js';
import type { Command, Dialect, Outgoing, Recovery } from './dialect.js';

/** How long answers are waited for at the end of the input. */
const lastAnswersMs = 5_000;
/** How long a client without acknowledgements stays after its last message: it is closed when that has failed. */
const plainLingerMs = 1_000;
const recoveryPauseMs = 1_000;
const recoveryAttempts = 30;

/** The connection ended without a Close frame. [RFC 6455 7.1.5] */
const brokenCode = 1006;

interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** One client in the terminal. */
export class Session {
  readonly #url: string;
  readonly #dialect: Dialect;
  readonly #input: Interface;
  readonly #isTyped: boolean;
  /** Ids of answers that are still to come. */
  readonly #awaited = new Set<string>();
  readonly #lines: string[] = [];
  #socket: WebSocket | undefined;
  #recovery: Recovery | undefined;
  #lastId = 0;
  #isReady = false;
  #hasEnded = false;
  /** Was a Close frame sent? */
  #isClosing = false;
  /** Is there something that the service may still refuse? */
  #hasSent = false;
  #allAnswered: (() => void) | undefined;

  constructor(url: string, dialect: Dialect, input: Readable & { readonly isTTY?: boolean }) {
    this.#url = url;
    this.#dialect = dialect;
    this.#isTyped = input.isTTY === true && process.stderr.isTTY === true;
    this.#input = createInterface({
      input,
      ...(this.#isTyped && { output: process.stderr, terminal: true }),
      prompt: '> ',
    });
  }

  /** @param first sent once the client is connected @returns the exit code @throws PubSubError when it cannot connect */
  async run(first: readonly Command[]): Promise<0 | 1> {
    this.#readInput();
    try {
      let closed = await this.#connect(this.#url, () => {
        for (const command of first) this.#send(command);
      });
      while (closed.code === brokenCode && this.#recovery !== undefined && !this.#hasEnded) {
        closed = await this.#recover(this.#recovery);
      }
      return this.#isClosing && !isFailure(closed.code) ? 0 : told(closed);
    } finally {
      this.#input.close();
    }
  }

  // ------------------------------------------------------------------------------------------------------ connection

  /** Until it is closed. */
  async #connect(url: string, onReady: () => void): Promise<Closed> {
    const socket = makeSocket(url, this.#dialect.subprotocol);
    this.#socket = socket;
    const closed = once(socket, 'close');
    socket.on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary, onReady));
    await opened(socket);
    if (this.#dialect.isReadyAtOnce) this.#becomeReady(onReady);
    const [code, reason] = (await closed) as [number, Buffer];
    this.#isReady = false;
    return { code, reason: reason.toString('utf8') };
  }

  /** As the reliable subprotocol has it: the same connection, and what was missed is sent again. [client-protocols 5] */
  async #recover({ connectionId, token }: Recovery): Promise<Closed> {
    process.stderr.write('the connection broke; recovering\n');
    const url = new URL(this.#url);
    url.search = new URLSearchParams({ awps_connection_id: connectionId, awps_reconnection_token: token }).toString();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#connect(url.href, () => {});
      } catch (error) {
        if (attempt === recoveryAttempts || this.#hasEnded) throw error;
        await setTimeout(recoveryPauseMs);
      }
    }
  }

  #receive(data: Buffer, isBinary: boolean, onReady: () => void): void {
    const { line, isReady, answered, reply, recovery } = this.#dialect.decode(data, isBinary);
    this.#print(line);
    if (recovery !== undefined) this.#recovery = recovery;
    if (reply !== undefined) this.#write(reply);
    if (answered !== undefined) this.#answer(answered);
    if (isReady === true) this.#becomeReady(onReady);
  }

  #becomeReady(onReady: () => void): void {
    this.#isReady = true;
    onReady();
    for (const line of this.#lines.splice(0)) this.#perform(line);
    if (this.#hasEnded) void this.#finish();
  }

  #write(frame: Outgoing): void {
    this.#socket?.send(frame);
  }

  // ----------------------------------------------------------------------------------------------------------- input

  #readInput(): void {
    if (this.#isTyped)
      process.stderr.write(`${(this.#dialect.isPlain ? ['each line is sent as it is'] : usage).join('\n')}\n`);
    this.#input.on('line', line => {
      if (this.#isReady) this.#perform(line);
      else this.#lines.push(line);
      this.#prompt();
    });
    this.#input.on('SIGINT', () => this.#input.close());
    this.#input.on('close', () => {
      this.#hasEnded = true;
      if (this.#isReady) void this.#finish();
    });
  }

  #perform(line: string): void {
    try {
      const command = this.#dialect.isPlain ? undefined : commandOf(line);
      if (this.#dialect.isPlain) {
        this.#hasSent = true;
        this.#write(line);
      } else if (command === 'help') process.stderr.write(`${usage.join('\n')}\n`);
      else if (command !== undefined) this.#send(command);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      process.stderr.write(`${error.message}\n`);
    }
  }

  #send(command: Command): void {
    this.#lastId += 1;
    const { frame, awaits } = this.#dialect.encode(command, this.#lastId);
    if (awaits !== undefined) this.#awaited.add(awaits);
    this.#write(frame);
  }

  #answer(id: string): void {
    this.#awaited.delete(id);
    if (this.#awaited.size === 0) this.#allAnswered?.();
  }

  /** Answers to the last commands are waited for. */
  async #finish(): Promise<void> {
    if (this.#dialect.isPlain && this.#hasSent) await setTimeout(plainLingerMs);
    const answered = new Promise<void>(resolve => {
      this.#allAnswered = resolve;
    });
    if (this.#awaited.size > 0) await Promise.race([answered, setTimeout(lastAnswersMs, undefined, { ref: false })]);
    this.#isClosing = true;
    this.#socket?.close(1000);
  }

  #print(line: string): void {
    this.#clearPrompt();
    process.stdout.write(`${process.stdout.isTTY === true ? printable(line) : line}\n`);
    this.#prompt();
  }

  /** What is being typed is drawn again below. */
  #clearPrompt(): void {
    if (this.#isTyped && this.#isReady) process.stderr.write('\r\u001b[K');
  }

  #prompt(): void {
    if (this.#isTyped && !this.#hasEnded) this.#input.prompt(true);
  }
}

/** Did the service close the connection on its own account, before it saw our Close frame? [RFC 6455 7.4.1] */
function isFailure(code: number): boolean {
  return code > 1001 && code !== 1005 && code !== brokenCode;
}

/** @returns the exit code */
function told({ code, reason }: Closed): 1 {
  if (code === brokenCode) process.stderr.write(`the connection broke (${code})\n`);
  else {
    const why = reason === '' ? '; the log of the service has the reason' : ` ${printable(reason)}`;
    process.stderr.write(`closed by the service: ${code}${why}\n`);
  }
  return 1;
}
