/** Groups as a set of sockets each, named by the path; a message is parsed, put into an envelope and sent to each member. */
import { createServer } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { sayListening } from '../servers/minimal-upgrade.js';

const http = createServer();
const sockets = new WebSocketServer({
  server: http,
  perMessageDeflate: false,
  handleProtocols: ([first = '']) => first,
});
const groups = new Map<string, Set<WebSocket>>();

sockets.on('connection', (ws, { url = '/' }) => {
  const name = decodeURIComponent(url.slice(1));
  const members = groups.get(name) ?? new Set();
  groups.set(name, members.add(ws));
  ws.on('close', () => members.delete(ws));
  ws.on('message', bytes => {
    const { group, data } = JSON.parse(String(bytes)) as { group: string; data: string };
    const envelope = JSON.stringify({
      type: 'message',
      from: 'group',
      group,
      fromUserId: 'publisher',
      dataType: 'text',
      data,
    });
    for (const member of groups.get(group) ?? []) if (member !== ws) member.send(envelope);
  });
  ws.send('{}');
});
http.listen(0, '127.0.0.1', () => sayListening(http));
