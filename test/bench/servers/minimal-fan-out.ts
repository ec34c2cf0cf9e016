/**
 * The least that fan-out can cost in Node: the outgoing frame is built once and the same Buffer written to each raw
 * socket. Whoever upgrades at `/publish` publishes; everybody else hears it. With `--joined`, what is published within
 * one turn of the event loop leaves in one write per socket.
 */
import type { Socket } from 'node:net';
import { acceptUpgrades, messageFrame, readFrames } from './minimal-upgrade.js';

const isJoined = process.argv.includes('--joined');
const receivers = new Set<Socket>();
let due: Buffer[] = [];

acceptUpgrades((socket, path) => {
  if (path === '/publish') readFrames(socket, publish);
  else {
    receivers.add(socket);
    socket.resume();
    socket.on('close', () => receivers.delete(socket));
  }
});

function publish(request: Buffer): void {
  const frame = messageFrame(request);
  if (!isJoined) writeToAll(frame);
  else {
    if (due.length === 0) setImmediate(flush);
    due.push(frame);
  }
}

function flush(): void {
  const joined = Buffer.concat(due);
  due = [];
  writeToAll(joined);
}

function writeToAll(bytes: Buffer): void {
  for (const socket of receivers) socket.write(bytes);
}
