import type { DataType } from './messages.js';

/** Media type of each kind of data, as REST callers and upstreams name it. [rest-api 2.8, upstream-events 2.4, 3.3] */
export const mediaTypes = {
  text: 'text/plain',
  json: 'application/json',
  binary: 'application/octet-stream',
  protobuf: 'application/x-protobuf',
} as const satisfies Record<DataType, string>;

const dataTypes: ReadonlyMap<string, DataType> = new Map(
  (Object.keys(mediaTypes) as DataType[]).map(dataType => [mediaTypes[dataType], dataType]),
);

/** Undefined for another media type. @param mediaType in lower case, without parameters */
export function dataTypeOf(mediaType: string): DataType | undefined {
  return dataTypes.get(mediaType);
}
