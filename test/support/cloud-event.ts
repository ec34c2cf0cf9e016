import { CloudEvent, HTTP } from 'cloudevents';
import type { UpstreamRequest } from './upstream.js';

/** The event that the CloudEvents SDK reads in a request. @throws when it does not conform to CloudEvents 1.0 */
export function cloudEventOf(request: UpstreamRequest): CloudEvent<unknown> {
  const event = HTTP.toEvent({ headers: { ...request.headers }, body: request.body.toString() });
  if (!(event instanceof CloudEvent)) throw new Error('a batch came where one event was expected');
  event.validate();
  return event;
}
