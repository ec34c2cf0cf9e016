import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseUrlTemplate } from '../../../src/upstream/url-template.js';

/** Where an event goes, as one text. */
function urlOf(template: string, hub: string, event: string): string {
  const { origin, path } = parseUrlTemplate(template).expand(hub, event);
  return origin + path;
}

/** What the template is refused with. */
function refusal(template: string, written?: string): string {
  try {
    parseUrlTemplate(template, written);
  } catch (error) {
    expect(error).toMatchObject({ name: 'PubSubError', kind: 'invalid' });
    return (error as Error).message;
  }
  throw new Error(`accepted: ${template}`);
}

describe('expansion', () => {
  test('[UE-104] the example of the specification', () => {
    const template = 'https://app.contoso.test/{hub}/e/{event}?code=k1';
    expect(urlOf(template, 'chat', 'vote.cast')).toBe('https://app.contoso.test/chat/e/vote.cast?code=k1');
  });

  test('[UE-104] reserved characters of a value are percent-encoded, as one component', () => {
    expect(urlOf('http://h/{event}', 'c', "a/b?c#d!'()* %é")).toBe('http://h/a%2Fb%3Fc%23d%21%27%28%29%2A%20%25%C3%A9');
    expect(urlOf('http://h/{hub}', 'A`,.[]_1', 'e')).toBe('http://h/A%60%2C.%5B%5D_1');
  });

  test('[upstream-events 5.2] parameter names ignore case and may repeat', () => {
    expect(urlOf('http://h/{HUB}/{Event}/{event}?e={EVENT}', 'Chat', 'ping')).toBe('http://h/Chat/ping/ping?e=ping');
  });

  test('[upstream-events 5.2] a template without parameters is one URL for every event', () => {
    const template = parseUrlTemplate('https://h:8443/hook?code=k');
    expect(template.expand('chat', 'a')).toEqual({ origin: 'https://h:8443', path: '/hook?code=k' });
    expect(template.expand('news', 'b')).toEqual({ origin: 'https://h:8443', path: '/hook?code=k' });
  });

  test('one template serves several hubs in turn', () => {
    const template = parseUrlTemplate('http://h/{hub}/{event}');
    const paths = ['a', 'b', 'a'].map(hub => template.expand(hub, 'e').path);
    expect(paths).toEqual(['/a/e', '/b/e', '/a/e']);
  });

  test.each([
    ['http://h', 'http://h/'],
    ['http://h?x={event}', 'http://h/?x=e'],
    ['HTTP://Host.TEST:80/P', 'http://host.test/P'],
    ['https://bücher.test:443/é', 'https://xn--bcher-kva.test/%C3%A9'],
    ['http://[::1]:3000/{event}', 'http://[::1]:3000/e'],
    ['http://h/%7Bx%7D', 'http://h/%7Bx%7D'],
    ['http://h//a//{event}/', 'http://h//a//e/'],
  ])('%s goes to %s', (template, url) => {
    expect(urlOf(template, 'c', 'e')).toBe(url);
  });

  test('[UE-106] the query is kept as it is, also on validation', () => {
    const template = parseUrlTemplate("http://h/{hub}/{event}?code=a+b%2F/c==&x='~!;,y");
    expect(template.expand('c', 'e').path).toBe("/c/e?code=a+b%2F/c==&x='~!;,y");
    expect(template.validationUrl('c').path).toBe("/c/validate?code=a+b%2F/c==&x='~!;,y");
  });

  test('[upstream-events 4.1] validation asks for the event `validate`', () => {
    const { origin, path } = parseUrlTemplate('https://h/{hub}/e/{event}?code=k1').validationUrl('chat');
    expect(origin + path).toBe('https://h/chat/e/validate?code=k1');
  });

  test.each(['', '.', '..', '...', '\ud800'])('no URL has %j for a hub or an event', value => {
    const template = parseUrlTemplate('http://h/{hub}/.{event}');
    expect(() => template.expand('chat', value)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect(() => template.expand(value, 'e')).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });
});

describe('whatever an event is called', () => {
  const templates = [
    'http://h/{hub}/{event}',
    'http://h/a/.{event}/b?code=k',
    'http://h/%2e{event}{hub}/b',
    'http://h/{event}{event}.{event}',
    'http://h/x?event={event}&hub={hub}',
    'https://h:8443/a-{hub}-{event}.json?code=k1&e={event}',
  ];
  const awkward = fc.constantFrom(
    '.',
    '..',
    '/',
    '\\',
    '?',
    '#',
    '%2e',
    '%2F',
    '@',
    ':',
    '{hub}',
    '&',
    ';',
    '\r\n',
    'e',
  );
  const value = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.array(awkward, { maxLength: 6 }).map(parts => parts.join('')),
  );

  /** A value either has a URL or is refused. */
  function expanded(template: string, hub: string, event: string): URL | undefined {
    try {
      const { origin, path } = parseUrlTemplate(template).expand(hub, event);
      const url = new URL(origin + path);
      // What is sent is what a URL parser reads: nothing is left to be normalised on the way.
      expect(url.href).toBe(origin + path);
      return url;
    } catch (error) {
      expect(error).toMatchObject({ name: 'PubSubError', kind: 'invalid' });
      return undefined;
    }
  }

  test('[UE-104] host, path depth and the number of query parameters stay the same', () => {
    fc.assert(
      fc.property(fc.constantFrom(...templates), value, value, (template, hub, event) => {
        const plain = expanded(template, 'h', 'e');
        const url = expanded(template, hub, event);
        if (!plain || !url) return;
        expect(url.origin).toBe(plain.origin);
        expect(url.hash).toBe('');
        expect(url.pathname.split('/').length).toBe(plain.pathname.split('/').length);
        expect([...url.searchParams.keys()]).toEqual([...plain.searchParams.keys()]);
      }),
    );
  });

  test('[UE-104] a decoding upstream reads exactly the value', () => {
    fc.assert(
      fc.property(value, event => {
        const url = expanded('http://h/a/{event}/b?e={event}', 'c', event);
        if (!url) return;
        expect(decodeURIComponent(url.pathname.split('/')[2] ?? '')).toBe(event);
        expect(url.searchParams.get('e')).toBe(event);
      }),
    );
  });

  test('[upstream-events 5.4] every valid event name has a URL', () => {
    const rest = fc.string({ unit: fc.constantFrom(...'abzABZ019_.-'), maxLength: 127 });
    fc.assert(
      fc.property(fc.constantFrom(...templates), fc.constantFrom(...'aZ'), rest, (template, first, tail) => {
        expect(expanded(template, 'chat', first + tail)).toBeDefined();
      }),
    );
  });
});

describe('configuration errors', () => {
  test.each([
    'http://{hub}.example.com/',
    'http://example.com:{event}/',
    'https://{event}',
    'http://{hub}@h/',
    'http://h{hub}?x',
  ])('[UE-105] a parameter in the host or port: %s', template => {
    expect(refusal(template)).toContain('host or port');
  });

  test.each([
    ['http://h/{evnt}', 'unknown parameter {evnt} in the path'],
    ['http://h/?a={}', 'unknown parameter {} in the query'],
    ['http://h/{hub', 'a single brace in the path'],
    ['http://h/?a=}', 'a single brace in the query'],
    ['http://h/{{event}}', 'a single brace in the path'],
    ['http://h/?code={@Microsoft.KeyVault(SecretUri=https://v.test/s)}', 'Key Vault'],
    ['tunnel:///api/{event}', '`tunnel:` URLs are not supported'],
    ['ftp://h/', 'not absolute'],
    ['/api/{event}', 'not absolute'],
    ['http:h/', 'not absolute'],
    ['http:///h/', 'not absolute'],
    ['{hub}://h/', 'not absolute'],
    ['', 'not absolute'],
    ['http://user:pass@h/', 'user name or password'],
    ['http://user@h/', 'user name or password'],
    ['http://h:99999/', 'host or port'],
    ['http://a b/', 'a space'],
    ['http://h/\n', 'a space, a line break'],
    ['http://h/\u0000', 'control character'],
    ['http://h\\@evil/', 'backslash'],
    ['http://h/a#b', '`#`'],
    ['http://h/?code=a#b', '`#`'],
    ['http://h/../{event}', '`..` segment'],
    ['http://h/%2E%2e/{event}', '`..` segment'],
    ['http://h/./{event}', '`.` or'],
    ['http://h/%2{event}', 'stray `%`'],
    ['http://h/%{event}', 'stray `%`'],
    ['http://h/?code=50%', 'stray `%`'],
    ['http://h/\ud800', 'surrogate'],
  ])('%j is refused: %s', (template, reason) => {
    expect(refusal(template)).toContain(reason);
  });

  test('messages quote neither a secret nor what came from the environment', () => {
    expect(refusal('http://h/?code=s3cret{s3cret}')).not.toContain('s3cret');
    expect(refusal('http://h/{s3cret}', 'http://h/$' + '{PART}')).not.toContain('s3cret');
    expect(refusal('http://user:s3cret@h/')).not.toContain('s3cret');
    expect(refusal('http://h:s3cret/')).not.toContain('s3cret');
  });
});

describe('display', () => {
  test.each([
    ['https://h/{hub}/{event}?code=s3cret', 'https://h/{hub}/{event}?code=***'],
    ['https://h/{event}?CODE=s3cret&v=1', 'https://h/{event}?CODE=***&v=1'],
    ['https://h/?co%64e=s3cret', 'https://h/?co%64e=***'],
    ['https://h/?sig=s3cret;x-api-key=s3cret&hub={hub}', 'https://h/?sig=***;x-api-key=***&hub={hub}'],
    ['https://h/?access_token=s3cret&PASSWORD=s3cret', 'https://h/?access_token=***&PASSWORD=***'],
    ['https://h/?clientSecret=s3cret==', 'https://h/?clientSecret=***'],
    ['https://h/?s3cret', 'https://h/?***'],
    ['https://h/?x=a-long-s3cret-by-any-name-at-all', 'https://h/?x=***'],
    ['https://h/?', 'https://h/?'],
    ['https://h/{event}', 'https://h/{event}'],
  ])('%s is shown as %s', (template, display) => {
    expect(parseUrlTemplate(template).display).toBe(display);
  });

  /** `url` with each `<…>` as the text of a variable. */
  function fromVariables(url: string) {
    const insertions: { start: number; end: number }[] = [];
    let text = '';
    for (const [index, part] of url.split(/[<>]/).entries()) {
      if (index % 2 === 1) insertions.push({ start: text.length, end: text.length + part.length });
      text += part;
    }
    return parseUrlTemplate(text, text, insertions);
  }

  test.each([
    ['http://h/hooks/<s3cret>/{event}', 'http://h/hooks/***/{event}'],
    ['http://h/<a>/<b>{event}', 'http://h/***/***{event}'],
    ['http://h/{event}?v=<2>&w=1', 'http://h/{event}?v=***&w=1'],
    ['http://<app.example>:<8080>/{event}', 'http://app.example:8080/{event}'],
    ['<http://app.example>/api/{event}', 'http://app.example/api/{event}'],
    ['<http://app.example/s3cret>/{event}', 'http://app.example/***/{event}'],
    ['<http://app.example/?s3cret>', 'http://app.example/***'],
    ['http://h/<>x', 'http://h/x'],
  ])('[L7] what came from a variable shows its host at most: %s', (url, display) => {
    const template = fromVariables(url);
    expect(template.display).toBe(display);
    expect(template.display).not.toContain('s3cret');
  });

  test('no code is ever shown', () => {
    const code = fc.string({ unit: fc.constantFrom(...'xyzXYZ789_-=+/.~'), minLength: 8 });
    const name = fc.constantFrom('code', 'Code', 'functions-key', 'sig', 'token', 'secret', 'password', 'api_key');
    fc.assert(
      fc.property(name, code, (parameter, secret) => {
        expect(parseUrlTemplate(`http://h/{event}?v=1&${parameter}=${secret}&w={hub}`).display).toBe(
          `http://h/{event}?v=1&${parameter}=***&w={hub}`,
        );
      }),
    );
  });
});
