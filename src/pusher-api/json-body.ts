import { scanItems, scanMembers } from '../protocols/json-scan.js';
import { utf8Of } from '../protocols/text.js';
import { invalid } from './failures.js';

/** A JSON object of a request's body: its parsed members, and the text of each as it was written. */
export class JsonBody {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer, values: Readonly<Record<string, unknown>>) {
    this.#bytes = bytes;
    this.#values = values;
  }

  /** @throws ApiFailure `invalid` for what is not one JSON object */
  static parse(body: Buffer): JsonBody {
    const bytes = utf8Of(body, 'utf-8');
    if (!Buffer.isBuffer(bytes)) throw invalid('The body is not valid UTF-8 text.');
    return JsonBody.#of(bytes, parsed(bytes), 'The body');
  }

  static #of(bytes: Buffer, value: unknown, what: string): JsonBody {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return new JsonBody(bytes, value as Readonly<Record<string, unknown>>);
    }
    throw invalid(`${what} must be a JSON object.`);
  }

  /** Undefined: there is none. */
  get(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  /** A string as it is, any other value as its text, with its digits and the order of its keys. Undefined: there is none. */
  text(name: string): Buffer | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    return typeof value === 'string' ? Buffer.from(value, 'utf8') : this.#written(name);
  }

  /** The objects of an array. @throws ApiFailure `invalid` */
  objects(name: string): readonly JsonBody[] {
    const values = this.get(name);
    if (!Array.isArray(values)) throw invalid(`${name} must be an array of objects.`);
    const bytes = this.#written(name);
    return scanItems(bytes).map(({ start, end }, index) =>
      JsonBody.#of(bytes.subarray(start, end), values[index], `${name}[${index}]`),
    );
  }

  /** Of repeated names the last counts, as for JSON.parse. */
  #written(name: string): Buffer {
    const member = scanMembers(this.#bytes).findLast(each => each.isNamed(name));
    return member === undefined ? Buffer.alloc(0) : this.#bytes.subarray(member.start, member.end);
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid('The body is not valid JSON.'); // where it broke would quote the body
  }
}
