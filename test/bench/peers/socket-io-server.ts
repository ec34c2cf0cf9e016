/** Socket.IO as its documentation has it: rooms, and an emit to all of one but the sender. */
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { sayListening } from '../servers/minimal-upgrade.js';

const http = createServer();
// Its pings are messages, which would be taken for deliveries.
const io = new Server(http, { transports: ['websocket'], serveClient: false, pingInterval: 3_600_000 });
io.on('connection', socket => {
  const { group } = socket.handshake.query;
  if (typeof group === 'string') void socket.join(group);
  socket.on('publish', (to: string, text: string) => socket.to(to).emit('message', text));
});
http.listen(0, '127.0.0.1', () => sayListening(http));
