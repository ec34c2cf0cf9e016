import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { ClientClaims } from '../../../src/auth/key-tokens.js';
import { within } from '../patience.js';
import type { Ledger } from './ledger.js';
import type { Stage } from './stage.js';

export interface DialOptions {
  readonly hub: string;
  /** Undefined: a simple client. */
  readonly protocol?: string;
  readonly claims?: ClientClaims;
  /** In place of claims: a query that says who it is. */
  readonly query?: string;
  /** Besides claims. */
  readonly mode?: string;
}

/** How a client ends its connection: with a Close frame; without one, by FIN or reset; half-closed; in the middle of a frame. */
export const endings = ['close', 'end', 'reset', 'halfClose', 'torn'] as const;
export type Ending = (typeof endings)[number];

/** The head of a masked text frame of 100 bytes, and the first ones of its key. [RFC 6455 5.2] */
const halfFrame = Buffer.from([0x81, 0x80 | 100, 1, 2]);

/** A client's WebSocket, whatever is spoken on it. */
export class Wire {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #ledger: Ledger;
  /** The code of the service's Close frame; 1006 when none came. */
  readonly closed: Promise<number>;

  /** Undefined when the service refused. @param hear is given what the service sends, in order */
  static async dial(stage: Stage, options: DialOptions, hear: (text: string) => void): Promise<Wire | undefined> {
    const { ledger } = stage;
    const wire = new Wire(ledger, urlOf(stage, options), options.protocol, hear);
    ledger.dials += 1;
    const isOpen = await within(wire.#opened(), `an upgrade of hub ${options.hub}`);
    if (!isOpen) return undefined;
    ledger.upgrades += 1;
    return wire;
  }

  private constructor(ledger: Ledger, url: URL, protocol: string | undefined, hear: (text: string) => void) {
    const socket = connect({ port: Number(url.port), host: url.hostname, noDelay: true });
    this.#socket = socket;
    this.#ledger = ledger;
    this.#ws = new WebSocket(url, protocol === undefined ? [] : [protocol], { createConnection: () => socket });
    this.#ws.on('message', (bytes: Buffer) => hear(bytes.toString()));
    this.closed = new Promise(resolve => this.#ws.once('close', resolve));
  }

  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN;
  }

  /** False when there is nobody to send to any more. */
  send(text: string): boolean {
    if (!this.isOpen) return false;
    this.#ledger.messagesSent += 1;
    this.#ws.send(text);
    return true;
  }

  /** Stops reading, pings included. */
  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /** Settles once the client's side is closed; what the service makes of it comes later. */
  async end(how: Ending): Promise<void> {
    this.#leave(how);
    await within(this.closed, `the end of a connection by ${how}`);
  }

  #leave(how: Ending): void {
    switch (how) {
      case 'close':
        this.#ws.close(1000);
        return;
      case 'end':
        this.#ws.terminate();
        return;
      case 'reset':
        this.#socket.resetAndDestroy(); // would wait for what has not been written yet
        this.#socket.destroy();
        return;
      case 'halfClose':
        this.#socket.end();
        return;
      case 'torn':
        this.#socket.end(halfFrame); // an error, where it is closed already, is the socket's and changes nothing
        return;
    }
  }

  #opened(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#ws.once('open', () => resolve(true));
      this.#ws.on('error', error => {
        const status = /Unexpected server response: (\d{3})/.exec(error.message)?.[1];
        if (status === undefined) return reject(error); // after `open` this changes nothing
        this.#ledger.refused(Number(status));
        resolve(false);
      });
    });
  }
}

function urlOf({ tokens }: Stage, { hub, claims, query, mode = '' }: DialOptions): URL {
  return query === undefined ? tokens.clientUrl(hub, claims ?? {}, mode) : tokens.bareUrl(hub, query);
}
