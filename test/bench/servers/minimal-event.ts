/**
 * The least that a client's event can cost with ws and undici: read the JSON, POST its data, ack when the answer is in.
 * The arguments are the upstream's origin, the path and the headers, as JSON; the headers are those that Hubwire sends.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import { type WebSocket, WebSocketServer } from 'ws';

const [origin = '', path = '', headersJson = '[]'] = process.argv.slice(2);
const headers = JSON.parse(headersJson) as string[];
const pool = new Pool(origin, { headersTimeout: 0, bodyTimeout: 0 });

interface ClientEvent {
  readonly data: string;
  readonly ackId: number;
}

class Acknowledgement implements Dispatcher.DispatchHandler {
  #status = 0;

  constructor(
    private readonly ws: WebSocket,
    private readonly ackId: number,
  ) {}

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(): void {}

  onResponseEnd(): void {
    this.ws.send(`{"type":"ack","ackId":${this.ackId},"success":${this.#status === 204}}`);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.ws.close(1011);
    process.stderr.write(`minimal loop: ${error.message}\n`);
  }
}

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', ws => {
  ws.send('{}'); // the greeting that clients wait for
  ws.on('message', message => {
    const { data, ackId } = JSON.parse(String(message)) as ClientEvent;
    pool.dispatch({ method: 'POST', path, headers, body: Buffer.from(data) }, new Acknowledgement(ws, ackId));
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ public: `http://127.0.0.1:${port}` })}\n`);
});
