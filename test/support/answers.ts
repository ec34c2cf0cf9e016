import type { OutgoingHttpHeaders } from 'node:http';
import type { Answer } from './upstream.js';

/** An answer of an upstream. */
export function reply(status: number, headers: OutgoingHttpHeaders = {}, body: string | Buffer = ''): Answer {
  return (_request, response) => void response.writeHead(status, headers).end(body);
}

/** 200 with a JSON body. */
export function replyJson(value: unknown): Answer {
  return reply(200, { 'Content-Type': 'application/json' }, JSON.stringify(value));
}

/** The first request gets the first answer, and so on; the last one repeats. */
export function inTurn(...answers: readonly [Answer, ...Answer[]]): Answer {
  const left = [...answers];
  return (request, response) => (left.length > 1 ? left.shift()! : left[0]!)(request, response);
}

/** Answers that wait for the test. */
export class Held {
  readonly #waiting: (() => void)[] = [];
  readonly #then: Answer;

  constructor(then: Answer = reply(204)) {
    this.#then = then;
  }

  readonly answer: Answer = (request, response) => {
    this.#waiting.push(() => void this.#then(request, response));
  };

  /** Requests that wait for an answer. */
  get count(): number {
    return this.#waiting.length;
  }

  /** Answers the one that waits longest. */
  release(): void {
    const answer = this.#waiting.shift();
    if (answer === undefined) throw new Error('no request waits for an answer');
    answer();
  }
}
