/**
 * The least that letting a client in can cost with ws: the check of its token, with `--ask` a question to the app server,
 * the upgrade and a greeting. Arguments: the key, and what to ask: origin, path, headers and body, as JSON.
 */
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { Pool } from 'undici';
import { WebSocketServer } from 'ws';
import { tokenCheck } from './minimal-token.js';
import { sayListening } from './minimal-upgrade.js';

interface Question {
  readonly origin: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: string;
}

// tsx turns them on, and then each client's reset, which is an error, would cost 5 % of its connect more than with plain Node.
process.setSourceMapsEnabled(false);

const [keyText = '', questionJson] = process.argv.slice(2);
const check = tokenCheck(keyText);
const question = questionJson === undefined ? undefined : (JSON.parse(questionJson) as Question);
const pool = question && new Pool(question.origin, { headersTimeout: 0, bodyTimeout: 0 });
const sockets = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  handleProtocols: ([first = '']) => first,
});

const server = createServer();
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  const query = new URLSearchParams(request.url?.slice(request.url.indexOf('?')));
  check(query.get('access_token') ?? '');
  ask(socket, () =>
    sockets.handleUpgrade(request, socket, head, ws => {
      ws.on('error', ignore);
      ws.send('{"type":"system","event":"connected","userId":"client","connectionId":"0123456789012345678901"}');
    }),
  );
});
server.listen(0, '127.0.0.1', () => sayListening(server));

function ignore(): void {}

function ask(socket: Duplex, then: () => void): void {
  if (pool === undefined || question === undefined) {
    then();
    return;
  }
  const { path, headers, body } = question;
  pool.dispatch(
    { method: 'POST', path, headers, body },
    {
      onRequestStart: ignore,
      onResponseStart: ignore,
      onResponseData: ignore,
      onResponseEnd: then,
      onResponseError: () => socket.destroy(),
    },
  );
}
