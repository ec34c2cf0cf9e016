/**
 * The least that a webhook can cost with undici: HMAC-SHA256 of its body, and a POST. Arguments: the origin, and the
 * request as Hubwire was seen to send it: path, headers and body, as JSON.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import { type Dispatcher, Pool } from 'undici';
import { serveOwnWork } from './own-work.js';
import { app } from './pusher-app.js';
import { concurrency, stepSize } from './webhook-requests.js';

interface Request {
  readonly path: string;
  readonly headers: string[];
  readonly body: string;
}

const [origin = '', requestJson = '{}'] = process.argv.slice(2);
const { path, headers, body: text } = JSON.parse(requestJson) as Request;
const key = createSecretKey(Buffer.from(app.secret));
const signatureAt = headers.findIndex(name => name.toLowerCase() === 'x-pusher-signature') + 1;
const pool = new Pool(origin, { connections: concurrency, headersTimeout: 0, bodyTimeout: 0 });

class Delivery implements Dispatcher.DispatchHandler {
  #status = 0;

  constructor(private readonly onEnd: (status: number) => void) {}

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(): void {}

  onResponseEnd(): void {
    this.onEnd(this.#status);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    process.stderr.write(`minimal loop: ${error.message}\n`);
    process.exit(1);
  }
}

/** With a body of its own, as each webhook has: the same bytes again and again would stay in the processor's cache, and be nothing to collect. */
function deliver(onEnd: (status: number) => void): void {
  const body = Buffer.from(text);
  const signed = headers.with(signatureAt, createHmac('sha256', key).update(body).digest('hex'));
  pool.dispatch({ method: 'POST', path, headers: signed, body }, new Delivery(onEnd));
}

serveOwnWork(
  () =>
    new Promise(resolve => {
      let begun = 0;
      let ended = 0;
      const next = () => {
        if (begun === stepSize) return;
        begun += 1;
        deliver(onEnd);
      };
      const onEnd = (status: number) => {
        if (status !== 204) throw new Error(`answered with ${status}`);
        ended += 1;
        if (ended === stepSize) resolve(stepSize);
        else next();
      };
      for (let count = 0; count < concurrency; count += 1) next();
    }),
);
