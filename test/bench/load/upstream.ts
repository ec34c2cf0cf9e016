import { type AddressInfo, createServer, type Socket } from 'node:net';
import { bodyStart } from './http-message.js';

const accepted = Buffer.from('HTTP/1.1 204 No Content\r\n\r\n');
const echoHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ';
const allowed = Buffer.from('HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n');

export interface BenchUpstream {
  readonly origin: string;
  /** The latest event of any server: request line, headers and body. */
  last(): { readonly head: string; readonly body: string };
  /** Events answered so far. */
  events(): number;
  /** Resolves once this many events have come. */
  reached(events: number): Promise<void>;
  close(): void;
}

interface Seen {
  head: Buffer;
  body: Buffer;
  events: number;
  /** Who waits, and for which number of events. */
  awaited: { readonly events: number; readonly tell: () => void } | undefined;
}

/** With 204, with what the event said, or not at all. */
type Answers = 'nothing' | 'echo' | 'never';

/** An app server that costs the load side next to nothing; it accepts every validation. */
export async function startBenchUpstream(answers: Answers = 'nothing'): Promise<BenchUpstream> {
  const sockets = new Set<Socket>();
  const seen: Seen = { head: Buffer.alloc(0), body: Buffer.alloc(0), events: 0, awaited: undefined };
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // its close follows
    answer(socket, seen, answers);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    last: () => ({ head: seen.head.toString('latin1'), body: seen.body.toString('utf8') }),
    events: () => seen.events,
    reached: events =>
      new Promise(tell => {
        seen.awaited = { events, tell };
        tellIfReached(seen);
      }),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** No pipelining: a socket has one request at a time, so the rest of a chunk is the beginning of nothing. */
function answer(socket: Socket, seen: Seen, answers: Answers): void {
  let rest: Buffer | undefined;
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    const headBytes = bodyStart(bytes);
    rest = headBytes === undefined ? bytes : undefined;
    if (headBytes === undefined) return;
    if (bytes[0] !== 0x50) {
      socket.write(allowed);
      return;
    }
    seen.head = bytes.subarray(0, headBytes);
    seen.body = bytes.subarray(headBytes);
    seen.events += 1;
    tellIfReached(seen);
    if (answers !== 'never') socket.write(answers === 'echo' ? echoOf(seen.body) : accepted);
  });
}

function tellIfReached({ events, awaited }: Seen): void {
  if (awaited !== undefined && events >= awaited.events) awaited.tell();
}

function echoOf(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${echoHead}${body.length}\r\n\r\n`), body]);
}
