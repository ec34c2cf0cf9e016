/** Socket.IO as its documentation has it: rooms, and an emit to all of one but the sender. The argument is what is `Wanted`, as JSON. */
import { createSecretKey } from 'node:crypto';
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';
import { sayListening } from '../servers/minimal-upgrade.js';
import type { Wanted } from './peer.js';

// tsx turns them on, and each client's reset, which is an error, would then cost more than with plain Node.
process.setSourceMapsEnabled(false);

const { pingIntervalMs = 3_600_000, tokenKey } = JSON.parse(process.argv[2] ?? '{}') as Wanted;
const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false, pingInterval: pingIntervalMs });

if (tokenKey !== undefined) {
  // As text, jsonwebtoken would try each time whether it is a public key, which costs more than the rest.
  const key = createSecretKey(Buffer.from(tokenKey));
  io.use((socket, next) => {
    try {
      socket.data.claims = jwt.verify(String(socket.handshake.auth.token), key, { algorithms: ['HS256'] });
      next();
    } catch (error) {
      next(error as Error);
    }
  });
}

io.on('connection', socket => {
  const { group } = socket.handshake.query;
  if (typeof group === 'string') void socket.join(group);
  socket.on('publish', (to: string, text: string) => socket.to(to).emit('message', text));
});
http.listen(0, '127.0.0.1', () => sayListening(http));
