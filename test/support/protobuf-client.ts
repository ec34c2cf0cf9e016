import { request, response, type WireMessage } from './protobuf-wire.js';
import type { Dial, DialOptions, TestClient } from './test-client.js';

export const protobufProtocol = 'protobuf.webpubsub.azure.v1';
export const reliableProtobufProtocol = 'protobuf.reliable.webpubsub.azure.v1';

/** A client of the protobuf subprotocols, on top of one that queues frames. */
export class ProtobufClient {
  readonly client: TestClient;

  constructor(client: TestClient) {
    this.client = client;
  }

  send(message: WireMessage): void {
    this.client.send(request(message));
  }

  /** The next message; it must be a binary frame. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape
  async next(): Promise<any> {
    const { isBinary, bytes } = await this.client.nextFrame();
    if (!isBinary) throw new Error(`a text frame came: ${bytes.toString()}`);
    return response(bytes);
  }

  /** The next message but for acks. */
  // biome-ignore lint/suspicious/noExplicitAny: as for next
  async nextData(): Promise<any> {
    for (;;) {
      const { data_message: data } = await this.next();
      if (data !== undefined) return data;
    }
  }

  get closed(): TestClient['closed'] {
    return this.client.closed;
  }
}

/** Opens a client; its `connected` message is still to come. */
export async function dialProtobuf(dial: Dial, options: DialOptions = {}): Promise<ProtobufClient> {
  return new ProtobufClient(await dial({ protocols: [protobufProtocol], ...options }));
}
