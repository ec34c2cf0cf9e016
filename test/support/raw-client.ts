import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Service } from '../../src/service.js';
import { Mailbox } from './mailbox.js';
import { type DialOptions, urlOf } from './test-client.js';

/** [RFC 6455 5.2] */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface RawFrame {
  /** FIN and the reserved bits, in place. */
  readonly flags: number;
  readonly opcode: number;
  readonly payload: Buffer;
}

export interface FrameOptions {
  /** Default true. */
  readonly fin?: boolean;
  /** The three reserved bits, as a number from 0 to 7. */
  readonly reserved?: number;
  /** Default true, as for every client. */
  readonly isMasked?: boolean;
  /** The length that the header tells, when it is not that of the payload. */
  readonly claimedBytes?: number;
}

/** The bytes of one frame, right or wrong. */
export function rawFrame(opcode: number, payload: Buffer | string = '', options: FrameOptions = {}): Buffer {
  const { fin = true, reserved = 0, isMasked = true } = options;
  const bytes = Buffer.from(payload);
  const mask = isMasked ? randomBytes(4) : Buffer.alloc(0);
  const body = isMasked ? bytes.map((byte, at) => byte ^ (mask[at % 4] as number)) : bytes;
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  return Buffer.concat([lengthHeader(first, isMasked, options.claimedBytes ?? bytes.length), mask, body]);
}

/** A Close frame's payload. */
export function closePayload(code: number, reason: Buffer | string = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

function lengthHeader(first: number, isMasked: boolean, length: number): Buffer {
  const maskBit = isMasked ? 0x80 : 0;
  if (length < 126) return Buffer.from([first, maskBit | length]);
  const header = Buffer.alloc(length < 65_536 ? 4 : 10);
  header[0] = first;
  header[1] = maskBit | (length < 65_536 ? 126 : 127);
  if (length < 65_536) header.writeUInt16BE(length, 2);
  else header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

export interface RawOptions extends Omit<DialOptions, 'protocols' | 'headers'> {
  /** More header lines, as they are to be written. */
  readonly lines?: readonly string[];
  /** Header lines in place of the ordinary handshake's, `Host` aside. */
  readonly handshake?: readonly string[];
  readonly method?: string;
  /** Sent together with the handshake, before the service can have answered. */
  readonly early?: Buffer;
}

const ordinaryHandshake = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** A client made of bytes: it can do what a WebSocket library would not. It answers nothing by itself. */
export class RawClient {
  readonly socket: Socket;
  /** The service's answer to the handshake. */
  readonly status: Promise<number>;
  /** Settles when no more bytes come: the service has ended its side, or the connection is gone. */
  readonly ended: Promise<void>;
  headers: readonly string[] = [];
  readonly #frames = new Mailbox<RawFrame>();
  #bytes = Buffer.alloc(0);
  #tellStatus: (status: number) => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    this.status = new Promise(resolve => {
      this.#tellStatus = resolve;
    });
    this.ended = new Promise(resolve => {
      socket.once('end', resolve);
      socket.once('close', () => resolve());
    });
    socket.on('data', this.#readHead);
    socket.on('error', () => {}); // `ended` tells
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  sendText(text: string): void {
    this.send(rawFrame(opcodes.text, text));
  }

  /** The next frame of this kind, or of any. */
  nextFrame(opcode?: number): Promise<RawFrame> {
    return this.#frames.take(frame => opcode === undefined || frame.opcode === opcode);
  }

  /** The code of the service's Close frame; undefined when it gives none. */
  async closeCode(): Promise<number | undefined> {
    const { payload } = await this.nextFrame(opcodes.close);
    return payload.length < 2 ? undefined : payload.readUInt16BE();
  }

  /** What came and nobody took. */
  get rest(): readonly RawFrame[] {
    return this.#frames.rest;
  }

  readonly #readHead = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return;
    const [first = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n');
    this.headers = lines;
    const body = this.#bytes.subarray(end + 4);
    this.#bytes = Buffer.alloc(0);
    this.socket.off('data', this.#readHead);
    this.socket.on('data', this.#readFrames);
    this.#tellStatus(Number(first.split(' ')[1]));
    if (first.includes(' 101 ')) this.#readFrames(body);
  };

  readonly #readFrames = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (let frame = parseFrame(this.#bytes); frame !== undefined; frame = parseFrame(this.#bytes)) {
      this.#frames.put(frame);
      this.#bytes = this.#bytes.subarray(frame.end);
    }
  };
}

/** Undefined while the frame is not complete. A server's frames are not masked. */
function parseFrame(bytes: Buffer): (RawFrame & { readonly end: number }) | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] as number) & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const end = start + length;
  if (bytes.length < end) return undefined;
  const first = bytes[0] as number;
  return { flags: first & 0xf0, opcode: first & 0x0f, payload: Buffer.from(bytes.subarray(start, end)), end };
}

/** Connects and sends the handshake; the answer is in `status`. The socket ends with the test. */
export async function rawDial(service: Service, options: RawOptions = {}): Promise<RawClient> {
  const { lines = [], handshake = ordinaryHandshake, method = 'GET', early = Buffer.alloc(0) } = options;
  const url = new URL(urlOf(service, options).replace(/^ws/, 'http'));
  const socket = connect(Number(url.port), url.hostname);
  onTestFinished(() => void socket.destroy());
  const client = new RawClient(socket);
  const head = [`${method} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`, ...handshake, ...lines, '', ''];
  socket.write(Buffer.concat([Buffer.from(head.join('\r\n')), early]));
  return client;
}

/** The same, for a JSON client that is let in; its `connected` message is taken. */
export async function rawJsonClient(service: Service, options: RawOptions = {}): Promise<RawClient> {
  const lines = ['Sec-WebSocket-Protocol: json.webpubsub.azure.v1', ...(options.lines ?? [])];
  const client = await rawDial(service, { ...options, lines });
  const status = await client.status;
  if (status !== 101) throw new Error(`the upgrade was answered with ${status}`);
  await client.nextFrame(opcodes.text);
  return client;
}
