/**
 * The least that many small groups can cost in Node: whoever upgrades at `/NAME` is in the group NAME, and what it says
 * is written to the raw socket of each other member, the frame built once.
 */
import type { Socket } from 'node:net';
import { acceptUpgrades, messageFrame, readFrames } from './minimal-upgrade.js';

const groups = new Map<string, Set<Socket>>();

acceptUpgrades((socket, path) => {
  const members = groups.get(path) ?? new Set();
  groups.set(path, members.add(socket));
  socket.on('close', () => members.delete(socket));
  readFrames(socket, request => {
    const frame = messageFrame(request);
    for (const member of members) if (member !== socket) member.write(frame);
  });
});
