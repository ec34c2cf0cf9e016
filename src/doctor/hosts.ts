import type { ResponseHeaders } from '../egress/exchange.js';
import { linesOf } from '../upstream/reply.js';
import type { UrlTarget } from '../upstream/url-template.js';

/** Services that give a machine a public name for a while. */
const tunnels =
  /(?:^|\.)(?:ngrok(?:-free)?\.(?:app|io|dev)|loca\.lt|localtunnel\.me|trycloudflare\.com|devtunnels\.ms|serveo\.net|localhost\.run)$/;

/** Where people sign in. */
const signIns =
  /login\.microsoftonline\.(?:com|us)|login\.windows\.net|login\.partner\.microsoftonline\.cn|\/\.auth\/login|accounts\.google\.com|\/oauth2\/(?:v2\.0\/)?authorize/i;

export function isTunnel(origin: string): boolean {
  return tunnels.test(new URL(origin).hostname);
}

/** Without the brackets of an IPv6 address. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

export function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

/** Did the tunnel answer in place of the app? */
export function isTunnelPage(origin: string, headers: ResponseHeaders): boolean {
  if (headers['ngrok-error-code'] !== undefined) return true;
  return isTunnel(origin) && linesOf(headers, 'content-type').some(type => /^text\/html/i.test(type));
}

/** Does the answer lead to a sign-in, as App Service authentication does? */
export function isSignIn(headers: ResponseHeaders): boolean {
  if (headers['x-ms-middleware-request-id'] !== undefined) return true;
  return ['location', 'www-authenticate'].some(name => linesOf(headers, name).some(line => signIns.test(line)));
}

/** A function app, whose key is not in the URL. */
export function isFunctions({ origin, path }: UrlTarget): boolean {
  const isThere =
    new URL(origin).hostname.endsWith('.azurewebsites.net') || path.includes('/runtime/webhooks/webpubsub');
  return isThere && !/[?&]code=[^&]/i.test(path);
}
