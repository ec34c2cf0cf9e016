/**
 * The least that a send over REST can cost with Fastify: a route, the check of its token, and one Buffer written to each
 * raw socket; what is sent within one turn of the event loop leaves in one write, and then the answers. The argument is the key.
 */
import type { Socket } from 'node:net';
import Fastify, { type FastifyReply } from 'fastify';
import { tokenCheck } from './minimal-token.js';
import { acceptUpgradesOf, sayListening, textFrame } from './minimal-upgrade.js';

const [keyText = ''] = process.argv.slice(2);
const check = tokenCheck(keyText);
const receivers = new Set<Socket>();
let due: Buffer[] = [];
let replies: FastifyReply[] = [];

const app = Fastify();
app.addContentTypeParser('text/plain', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/send', (request, reply) => {
  check(request.headers.authorization?.slice('Bearer '.length) ?? '');
  const head = '{"type":"message","from":"group","group":"bench","fromUserId":null,"dataType":"text","data":';
  if (due.length === 0) setImmediate(flush);
  due.push(textFrame(Buffer.from(`${head}${JSON.stringify(String(request.body))}}`)));
  replies.push(reply);
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
  const answered = replies;
  replies = [];
  for (const reply of answered) reply.code(202).send();
}

await app.listen({ host: '127.0.0.1', port: 0 });
sayListening(app.server);
