import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { chatYaml, startService } from '../support/hubwire-process.js';
import { notRun } from '../support/not-run.js';
import { RawPeer } from '../support/raw-http.js';
import { startUpstream } from '../support/upstream.js';

const portOf = (url: string) => Number(new URL(url).port);

/** Resident memory of a process, in MB. */
function residentMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1024;
}

const waves = 4;
const perWave = 600;

/** Those who send a megabyte to each kind of path of both listeners, until the service has ended all of them. */
async function wave(publicUrl: string, adminUrl: string): Promise<void> {
  const body = Buffer.alloc(1024 * 1024 - 1);
  const paths = ['/x', '/client/hubs/x', '/api/x', '/api/hubs/chat/:send'];
  const strangers = Array.from({ length: perWave }, (_, at) => {
    const peer = new RawPeer(portOf(at % 4 === 3 ? adminUrl : publicUrl));
    const head = `POST ${paths[at % 4]} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1048576\r\n\r\n`;
    peer.write(head);
    peer.write(body);
    return peer;
  });
  await Promise.all(strangers.map(({ gone }) => gone));
}

/** Those who are refused on a WebSocket, and send most of a message of a megabyte; they answer no Close frame. */
async function socketWave(publicUrl: string, path: string): Promise<void> {
  const handshake = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  const header = Buffer.from('82ff00000000000f424000000000', 'hex'); // of 1,000,000 bytes
  const strangers = Array.from({ length: perWave }, () => {
    const peer = new RawPeer(portOf(publicUrl));
    peer.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${handshake}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
    peer.write(header);
    peer.write(Buffer.alloc(990_000));
    return peer;
  });
  await Promise.all(strangers.map(({ gone }) => gone));
}

/**
 * The first waves leave what V8 keeps of any such work: it collects freed buffers only once some 64 MB of them have built up.
 * Bodies that were kept would be 600 MB.
 */
const warmUp = 2;

test('[F3] six hundred strangers with bodies of 1 MiB cost less than 20 MB, and are gone within seconds', async context => {
  if (process.platform !== 'linux') notRun(context, 'the memory of a process is read from /proc, as Linux has it');
  const { process: hubwire, publicUrl, adminUrl, dial } = await startService('hubs: { chat: {} }');
  const afterMb: number[] = [];
  for (let count = 0; count < waves; count += 1) {
    const gone = wave(publicUrl, adminUrl);
    await (await dial()).settle(); // beside them a client is let in
    await gone;
    afterMb.push(residentMb(hubwire.pid));
  }
  const perWaveMb = (afterMb.at(-1)! - afterMb[warmUp - 1]!) / (waves - warmUp);
  expect(perWaveMb).toBeLessThan(20);
}, 60_000);

test('[F3] strangers who are refused on a WebSocket do not have their messages put together', async context => {
  if (process.platform !== 'linux') notRun(context, 'the memory of a process is read from /proc, as Linux has it');
  const { process: hubwire, publicUrl, adminUrl, dial } = await startService('hubs: { chat: {} }');
  for (let count = 0; count < warmUp; count += 1) await wave(publicUrl, adminUrl);
  const beforeMb = residentMb(hubwire.pid);
  const recovery = 'awps_connection_id=x&awps_reconnection_token=y';
  for (const path of ['/app/unknown?protocol=7', `/client/hubs/chat?${recovery}`]) {
    const gone = socketWave(publicUrl, path);
    await (await dial()).settle();
    await gone;
  }
  expect(residentMb(hubwire.pid) - beforeMb).toBeLessThan(100); // put together, they are 590 MB of each wave
}, 120_000);

describe.each(['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)('a process that gets %s', signal => {
  test('[F5] [F9] sends Close frames, tells the upstream, and ends whatever the peers of both listeners do', async () => {
    const upstream = await startUpstream();
    const { process: hubwire, publicUrl, adminUrl, dial } = await startService(chatYaml(`${upstream.origin}/{event}`));
    const client = await dial();
    await client.next();
    const silent = [publicUrl, adminUrl].flatMap(url => {
      const peers = Array.from({ length: 4 }, () => new RawPeer(portOf(url)));
      peers[1]?.write('GET / HTTP/1.1\r\nHost:');
      peers[2]?.write('GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n');
      peers[3]?.write('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na');
      return peers;
    });
    await Promise.all([silent[2]?.head(), silent[3]?.head(), silent[6]?.head(), silent[7]?.head()]);
    const signalledMs = Date.now();
    hubwire.signal(signal);
    expect((await client.closed).code).toBe(1001);
    expect(await hubwire.exit).toEqual({ code: 0, signal: null });
    expect(Date.now() - signalledMs).toBeLessThan(8_000);
    expect((await upstream.next('disconnected')).body.toString()).toContain('shutting down');
    await upstream.stop();
  });
});
