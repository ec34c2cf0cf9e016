import { connect, type Socket } from 'node:net';

/** What a silent client sends before it falls silent, or sends ever so slowly. */
export const silentForms = ['nothing', 'halfHead', 'headDrip', 'halfBody', 'bodyDrip', 'chunkDrip'] as const;
export type SilentForm = (typeof silentForms)[number];

export const listeners = ['public', 'admin'] as const;
export type Listener = (typeof listeners)[number];

export interface SilentKind {
  readonly form: SilentForm;
  readonly listener: Listener;
}

/** All kinds that there are, each once. */
export const silentKinds: readonly SilentKind[] = listeners.flatMap(listener =>
  silentForms.map(form => ({ form, listener })),
);

const dripGapMs = 2_000;

const heads: Readonly<Record<SilentForm, string>> = {
  nothing: '',
  halfHead: 'GET /healthz HTTP/1.1\r\nHo',
  headDrip: 'GET /healthz HTTP/1.1\r\nX-Drip: ',
  halfBody: 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n',
  bodyDrip: 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1048576\r\n\r\n',
  chunkDrip: 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;',
};

/** A TCP connection on which no request ever comes to its end. */
export class SilentSocket {
  /** Settles when the connection is gone, whoever ended it. */
  readonly gone: Promise<void>;
  /** Settles once TCP is connected, or cannot be. */
  readonly connected: Promise<void>;
  readonly #socket: Socket;

  /** @param bodyBytes sent of the body of `halfBody` */
  constructor(url: string, form: SilentForm, bodyBytes = 1) {
    const { port, hostname } = new URL(url);
    this.#socket = connect({ port: Number(port), host: hostname, noDelay: true });
    this.#socket.on('error', () => {}); // `gone` tells
    this.#socket.resume();
    this.connected = new Promise(resolve => this.#socket.once('connect', resolve).once('close', () => resolve()));
    this.gone = new Promise(resolve => this.#socket.once('close', () => resolve()));
    const body = form === 'halfBody' ? 'x'.repeat(bodyBytes) : '';
    if (heads[form] !== '') this.#socket.write(heads[form] + body);
    if (form.endsWith('Drip')) this.#drip();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #drip(): void {
    const timer = setInterval(() => this.#socket.writable && this.#socket.write('a'), dripGapMs);
    this.#socket.once('close', () => clearInterval(timer));
  }
}
