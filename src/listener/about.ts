import type { FastifyReply, FastifyRequest } from 'fastify';

/** The content of `/`: which program this is, and links. */
export interface About {
  readonly version: string;
  /** One sentence. */
  readonly description: string;
  /** Name → path on this listener, or a whole URL. */
  readonly links: Readonly<Record<string, string>>;
}

/** A handler that describes the program: HTML for browsers, otherwise JSON. [RFC 9110 12.5.1] */
export function sendAbout({ version, description, links }: About) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const base = basePathOf(request.originalUrl);
    const whole = Object.entries(links).map(([name, to]) => [name, to.startsWith('/') ? base + to : to] as const);
    reply.header('vary', 'accept').header('x-content-type-options', 'nosniff');
    if (wantsPage(request.headers.accept)) {
      reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
      return reply.type('text/html; charset=utf-8').send(pageOf(version, description, whole));
    }
    const body = { name: 'hubwire', version, description, links: Object.fromEntries(whole) };
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
  };
}

/** The path before the last slash: the base path of the endpoint that the caller used. */
function basePathOf(url: string): string {
  return url
    .replace(/^https?:\/\/[^/?]*/i, '')
    .replace(/\?.*$/s, '')
    .replace(/\/+$/, '');
}

/** Browsers list `text/html` first; clients that accept anything get JSON. */
function wantsPage(accept: string | undefined): boolean {
  const types = (accept ?? '')
    .toLowerCase()
    .split(',')
    .map(type => type.split(';', 1)[0]?.trim());
  const page = types.indexOf('text/html');
  const json = types.indexOf('application/json');
  return page >= 0 && (json < 0 || page < json);
}

function pageOf(version: string, description: string, links: readonly (readonly [string, string])[]): string {
  const items = links.map(([name, to]) => `<li><a href="${escapeHtml(to)}">${escapeHtml(name)}</a>`).join('\n');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Hubwire</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em }</style>
<h1>Hubwire ${escapeHtml(version)}</h1>
<p>${escapeHtml(description)}</p>
<ul>
${items}
</ul>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`);
}
