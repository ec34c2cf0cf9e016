import { PubSubError } from '../errors.js';
import { parseHttpUrl } from '../urls.js';
import {
  type InvocationType,
  invocationTypes,
  type LambdaEntry,
  type PayloadFormat,
  payloadFormats,
  type WebhookEntry,
  webhookDefaults,
} from './options.js';

export interface HttpTarget {
  readonly kind: 'http';
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** For logs and status: without a query, credentials and the values of variables. */
  readonly display: string;
}

export interface LambdaTarget {
  readonly kind: 'lambda';
  readonly functionName: string;
  readonly region: string;
  readonly invocationType: InvocationType;
  readonly qualifier: string | undefined;
  /** Undefined: the region's own. */
  readonly endpoint: string | undefined;
  readonly payloadFormat: PayloadFormat;
  readonly display: string;
}

export type Target = HttpTarget | LambdaTarget;

/**
 * Reads the URL or the function of an endpoint.
 * @throws PubSubError `invalid`; the message quotes no query, which may contain a secret
 */
export function targetOf(entry: WebhookEntry, httpsOnly: boolean): Target {
  const functionName = either(
    entry.lambda?.function_name,
    entry.lambda_function,
    'lambda_function',
    'lambda.function_name',
  );
  if ((entry.url === undefined) === (functionName === undefined)) {
    throw invalid(
      entry.url === undefined
        ? 'a webhook needs a target: give it a url, or lambda with function_name'
        : 'a webhook has one target: remove url or lambda',
    );
  }
  return entry.url === undefined
    ? lambdaTarget(functionName ?? '', entry.lambda ?? {})
    : httpTarget(entry.url, entry.shownUrl, httpsOnly);
}

function httpTarget(text: string, shown: string | undefined, httpsOnly: boolean): HttpTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalid('the url of a webhook is an absolute http or https URL, such as https://app.example/hooks');
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('the url of a webhook contains no user name or password: send them in headers, as Authorization');
  }
  if (httpsOnly && url.protocol === 'http:') {
    throw invalid(`the url of a webhook is https, since webhooks.https_only is set: ${displayOf(shown ?? text)}`);
  }
  const { origin, pathname, search } = url;
  return { kind: 'http', origin, path: pathname + search, display: displayOf(shown ?? text) };
}

function displayOf(shown: string): string {
  if (!URL.canParse(shown)) return '***';
  const { origin, pathname } = new URL(shown);
  return origin + pathname;
}

function lambdaTarget(functionName: string, entry: LambdaEntry): LambdaTarget {
  const { region = webhookDefaults.lambdaRegion, qualifier, payload_format: payloadFormat = 'gateway' } = entry;
  const aliased = entry.async === undefined ? undefined : entry.async ? 'Event' : 'RequestResponse';
  const invocationType = either(entry.invocation_type, aliased, 'lambda.async', 'lambda.invocation_type') ?? 'Event';
  const endpoint = either(
    entry.endpoint,
    entry.client_options?.endpoint,
    'lambda.client_options.endpoint',
    'lambda.endpoint',
  );
  if (!invocationTypes.includes(invocationType))
    throw invalid(`lambda.invocation_type is ${invocationTypes.join(', ')}`);
  if (!payloadFormats.includes(payloadFormat)) throw invalid(`lambda.payload_format is ${payloadFormats.join(', ')}`);
  if (endpoint !== undefined) checkEndpoint(endpoint);
  const display = `lambda:${region}:${functionName}${qualifier === undefined ? '' : `:${qualifier}`}`;
  return { kind: 'lambda', functionName, region, invocationType, qualifier, endpoint, payloadFormat, display };
}

/** @throws PubSubError `invalid` */
function checkEndpoint(endpoint: string): void {
  try {
    parseHttpUrl(endpoint);
  } catch (error) {
    throw error instanceof PubSubError ? invalid(`lambda.endpoint: ${error.message}`) : error;
  }
}

function either<T>(value: T | undefined, aliased: T | undefined, alias: string, name: string): T | undefined {
  if (value === undefined || aliased === undefined || value === aliased) return value ?? aliased;
  throw invalid(`${alias} is another way to set ${name}, to another value: remove one of the two`);
}

function invalid(message: string): PubSubError {
  return new PubSubError('invalid', message);
}
