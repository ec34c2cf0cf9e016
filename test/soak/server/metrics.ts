import { Agent, get } from 'node:http';
import { within } from '../patience.js';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** What `/metrics` said at one time. Names are without `hubwire_`. */
export class Samples {
  readonly #byName = new Map<string, Sample[]>();

  /** @param text in Prometheus' text format */
  constructor(text: string) {
    for (const [, name = '', labels = '', value] of text.matchAll(/^(?:hubwire_)?(\w+)(?:\{(.*)\})? (\S+)$/gm)) {
      const samples = this.#byName.get(name) ?? [];
      samples.push({ labels: labelsOf(labels), value: Number(value) });
      this.#byName.set(name, samples);
    }
  }

  /** Of all samples whose labels have these values; 0 when there are none. */
  sum(name: string, where: Labels = {}): number {
    return this.#of(name, where).reduce((total, { value }) => total + value, 0);
  }

  /** The sums by the values of these labels, joined by a blank. */
  by(name: string, ...labels: readonly string[]): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const sample of this.#of(name, {})) {
      const key = labels.map(label => sample.labels[label] ?? '').join(' ');
      sums.set(key, (sums.get(key) ?? 0) + sample.value);
    }
    return sums;
  }

  #of(name: string, where: Labels): readonly Sample[] {
    const wanted = Object.entries(where);
    return (this.#byName.get(name) ?? []).filter(({ labels }) => wanted.every(([key, value]) => labels[key] === value));
  }
}

function labelsOf(text: string): Labels {
  return Object.fromEntries([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]));
}

/** Reads `/metrics` over one socket that stays open, so that reading does not change what is counted. */
export class Scraper {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #slowestTurnSeconds = 0;

  constructor(adminUrl: string) {
    this.#url = `${adminUrl}/metrics`;
  }

  async read(): Promise<Samples> {
    const samples = new Samples(await within(this.#text(), 'the answer of /metrics'));
    this.#slowestTurnSeconds = Math.max(this.#slowestTurnSeconds, samples.sum('nodejs_eventloop_lag_max_seconds'));
    return samples;
  }

  /** The longest time that the service's event loop stood still, since this was asked last. Each reading of it begins anew. */
  async takeSlowestTurnMs(): Promise<number> {
    await this.read();
    const slowestMs = this.#slowestTurnSeconds * 1000;
    this.#slowestTurnSeconds = 0;
    return slowestMs;
  }

  close(): void {
    this.#agent.destroy();
  }

  #text(): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = get(this.#url, { agent: this.#agent }, response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks).toString()));
      });
      request.on('error', reject);
    });
  }
}
