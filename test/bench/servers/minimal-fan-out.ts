/**
 * The least that fan-out can cost in Node: the outgoing frame is built once and the same Buffer written to each raw
 * socket. Whoever upgrades at `/publish` publishes; everybody else hears it. With `--joined`, what is published within
 * one turn of the event loop leaves in one write per socket.
 */
import type { Socket } from 'node:net';
import { acceptUpgrades, textFrame } from './minimal-upgrade.js';

const isJoined = process.argv.includes('--joined');
const head = Buffer.from(
  '{"type":"message","from":"group","group":"bench","fromUserId":"publisher","dataType":"text","data":"',
);
const tail = Buffer.from('"}');
const dataMark = Buffer.from('"data":"');

const receivers = new Set<Socket>();
let due: Buffer[] = [];

acceptUpgrades((socket, path) => {
  if (path === '/publish') readFrames(socket);
  else {
    receivers.add(socket);
    socket.resume();
    socket.on('close', () => receivers.delete(socket));
  }
});

/** Masked text frames of 126 bytes to 64 KiB, which is what the bench sends. */
function readFrames(socket: Socket): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= 8) {
      const end = 8 + bytes.readUInt16BE(2);
      if (bytes.length < end) break;
      publish(unmask(bytes, end));
      bytes = bytes.subarray(end);
    }
    rest = bytes as Buffer<ArrayBuffer>;
  });
}

function unmask(bytes: Buffer, end: number): Buffer {
  for (let at = 8; at < end; at += 1) bytes[at]! ^= bytes[4 + ((at - 8) & 3)]!;
  return bytes.subarray(8, end);
}

function publish(request: Buffer): void {
  const data = request.subarray(request.indexOf(dataMark) + dataMark.length, request.length - tail.length);
  const frame = textFrame(Buffer.concat([head, data, tail]));
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
