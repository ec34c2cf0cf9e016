/**
 * The least that a send over REST can cost with Fastify: a route, the check of its token, and one Buffer written to each
 * raw socket; what is sent within one turn of the event loop leaves in one write. The argument is the key.
 */
import { createSecretKey } from 'node:crypto';
import type { Socket } from 'node:net';
import Fastify from 'fastify';
import jwt from 'jsonwebtoken';
import { acceptUpgradesOf, sayListening, textFrame } from './minimal-upgrade.js';

const [keyText = ''] = process.argv.slice(2);
// As text, jsonwebtoken would try each time whether it is a public key, which costs more than the rest.
const key = createSecretKey(Buffer.from(keyText));
const receivers = new Set<Socket>();
let due: Buffer[] = [];

const app = Fastify();
app.addContentTypeParser('text/plain', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/send', (request, reply) => {
  jwt.verify(request.headers.authorization?.slice('Bearer '.length) ?? '', key, { algorithms: ['HS256'] });
  const head = '{"type":"message","from":"group","group":"bench","fromUserId":null,"dataType":"text","data":';
  if (due.length === 0) setImmediate(flush);
  due.push(textFrame(Buffer.from(`${head}${JSON.stringify(String(request.body))}}`)));
  reply.code(202).send();
});
acceptUpgradesOf(app.server, socket => {
  receivers.add(socket);
  socket.resume();
  socket.on('close', () => receivers.delete(socket));
});

function flush(): void {
  const joined = Buffer.concat(due);
  due = [];
  for (const socket of receivers) socket.write(joined);
}

await app.listen({ host: '127.0.0.1', port: 0 });
sayListening(app.server);
