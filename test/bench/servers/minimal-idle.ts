/** Bare ws: clients that are greeted, pinged now and then, and given up when they do not answer. The argument is the interval in milliseconds. */
import { createServer } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { sayListening } from './minimal-upgrade.js';

const [intervalMs] = process.argv.slice(2);
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
const alive = new WeakSet<WebSocket>();

function onPong(this: WebSocket): void {
  alive.add(this);
}

sockets.on('connection', ws => {
  alive.add(ws);
  ws.on('pong', onPong);
  ws.send('{}');
});
setInterval(() => {
  for (const ws of sockets.clients) {
    if (!alive.delete(ws)) ws.terminate();
    else ws.ping();
  }
}, Number(intervalMs));
server.listen(0, '127.0.0.1', () => sayListening(server));
