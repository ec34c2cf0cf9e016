import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Mailbox } from './mailbox.js';

/** One request as it arrived. */
export interface UpstreamRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** `ce-type`'s last part for system events, the event's name for user events; `OPTIONS`/`GET` for validation. */
  readonly event: string;
}

export type Answer = (request: UpstreamRequest, response: ServerResponse) => void | Promise<void>;

export interface RecordedUpstream {
  readonly origin: string;
  /** All requests so far, validation included. */
  readonly requests: UpstreamRequest[];
  /** Waits for the next event (not validation) that nobody has taken yet, of this name when given. */
  next(event?: string): Promise<UpstreamRequest>;
  /** How events of this name are answered from now on; `*` is all others. Default: 204. */
  on(event: string, answer: Answer): void;
  /** How validation is answered. Default: 200 with `WebHook-Allowed-Origin: *`. */
  onValidate(answer: Answer): void;
  stop(): Promise<void>;
}

/** An app server for tests: real HTTP on a free port. */
export async function startUpstream(): Promise<RecordedUpstream> {
  const requests: UpstreamRequest[] = [];
  const events = new Mailbox<UpstreamRequest>();
  const answers = new Map<string, Answer>();
  let validate: Answer = (_request, response) => void response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end();
  const server = createServer((incoming, response) => {
    void read(incoming).then(async request => {
      requests.push(request);
      if (request.method !== 'POST') return validate(request, response);
      events.put(request);
      const answer = answers.get(request.event) ?? answers.get('*');
      if (answer === undefined) response.writeHead(204).end();
      else await answer(request, response);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    next: event => events.take(request => event === undefined || request.event === event),
    on: (event, answer) => answers.set(event, answer),
    onValidate: answer => {
      validate = answer;
    },
    stop: () => stop(server),
  };
}

async function read(incoming: IncomingMessage): Promise<UpstreamRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { method = '', url = '', headers, rawHeaders } = incoming;
  const event = method === 'POST' ? String(headers['ce-eventname'] ?? '') : method;
  return { method, url, headers, rawHeaders, body: Buffer.concat(chunks), event };
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise(resolve => server.close(() => resolve()));
}
