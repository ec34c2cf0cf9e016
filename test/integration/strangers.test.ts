import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { chatYaml, startService } from '../support/hubwire-process.js';
import { notRun } from '../support/not-run.js';
import { RawPeer } from '../support/raw-http.js';
import { signToken } from '../support/tokens.js';
import { startUpstream } from '../support/upstream.js';

const portOf = (url: string) => Number(new URL(url).port);

/** Resident memory of a process, in MB. */
function residentMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1024;
}

async function postMegabyte(publicUrl: string): Promise<void> {
  const url = `${publicUrl}/api/hubs/chat/:send`;
  const token = signToken({ aud: url, exp: Math.floor(Date.now() / 1000) + 600 });
  const headers = { 'content-type': 'text/plain', authorization: `Bearer ${token}` };
  const { status } = await fetch(url, { method: 'POST', headers, body: 'x'.repeat(1_000_000) });
  if (status !== 202) throw new Error(`a send was answered with ${status}`);
}

/**
 * Bodies that were kept would be 200 MB. What differs is when V8 collects freed buffers: on Node 20 some 10 MB, twice as much
 * on a busy machine; newer ones let 100 MB build up.
 */
const mostGrowthMb = Number(process.versions.node.split('.', 1)[0]) < 22 ? 40 : 150;

test('[F3] two hundred strangers with bodies of 1 MiB: none is kept, and they are gone within seconds', async context => {
  if (process.platform !== 'linux') notRun(context, 'the memory of a process is read from /proc, as Linux has it');
  const { process: hubwire, publicUrl, adminUrl, dial } = await startService('hubs: { chat: {} }');
  // What V8 keeps for buffers after any such work, it keeps already: the strangers are not to add to it.
  for (let count = 0; count < 50; count += 1) await postMegabyte(publicUrl);
  const beforeMb = residentMb(hubwire.pid);
  const body = Buffer.alloc(1024 * 1024 - 1);
  const paths = ['/x', '/client/hubs/x', '/api/x', '/api/hubs/chat/:send'];
  const strangers = Array.from({ length: 200 }, (_, at) => {
    const peer = new RawPeer(portOf(at % 4 === 3 ? adminUrl : publicUrl));
    const head = `POST ${paths[at % 4]} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1048576\r\n\r\n`;
    peer.write(head);
    peer.write(body);
    return peer;
  });
  await (await dial()).settle();
  await Promise.all(strangers.map(({ gone }) => gone));
  expect(residentMb(hubwire.pid) - beforeMb).toBeLessThan(mostGrowthMb);
});

describe.each(['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)('a process that gets %s', signal => {
  test('[F5] [F9] says goodbye, tells the upstream, and ends whatever the peers of both listeners do', async () => {
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
