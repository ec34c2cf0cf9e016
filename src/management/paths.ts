/** In front of every path of the API. [management 1.2] */
export const managementPrefix = '/subscriptions';

/** Of the service's resources, in the letter case of the vendor's answers. */
export const resourceType = 'Microsoft.SignalRService/WebPubSub';

/** Paths below the prefix; variable segments are `:sub`, `:rg`, `:name`, `:location`. */
export const providerPath = '/:sub/providers/Microsoft.SignalRService';
export const groupPath = '/:sub/resourceGroups/:rg/providers/Microsoft.SignalRService/webPubSub';
/** `P` of [management 1.2]. */
export const resourcePath = `${groupPath}/:name`;

/** `id` of the resource that a path names. What the path says is echoed. */
export function resourceId({ sub = '', rg = '', name = '' }: Readonly<Record<string, string>>): string {
  return `${managementPrefix}/${sub}/resourceGroups/${rg}/providers/${resourceType}/${name}`;
}

/**
 * The request target without the base path of an endpoint, which SDKs put in front of it; unchanged where it is none of the
 * API's. [management 1.1]
 */
export function withoutBasePath(target: string): string {
  return basePath.exec(target)?.[1] ?? target;
}

const basePath = /^\/[^?]+?(\/subscriptions(?:\?.*|\/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?:[/?].*)?)?)$/is;
