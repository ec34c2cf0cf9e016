/**
 * What to do about each kind of finding, where other parts of the program have no words for it: one line a step; lines for
 * one framework begin with its name.
 */

/** The event handler middleware on its path. */
function mounted(hub: string): readonly string[] {
  return [
    `Express: app.use(new WebPubSubEventHandler('${hub}', { path: '/eventhandler/' }).getMiddleware());`,
    'ASP.NET: app.MapWebPubSubHub<YourHub>("/eventhandler/{event}");',
    'Functions: a WebPubSubTrigger is served at /runtime/webhooks/webpubsub?code=KEY',
  ];
}

const adminTls = 'HUBWIRE_TLS_CERT and HUBWIRE_TLS_KEY, or HUBWIRE_ADMIN_TLS_CERT and HUBWIRE_ADMIN_TLS_KEY';

export const advice = {
  /** What was sent. @param url with secrets masked */
  curl: (url: string, origins: string) =>
    `curl -i -X OPTIONS -H 'WebHook-Request-Origin: ${origins}' -H 'ce-awpsversion: 1.0' '${url.replaceAll("'", '%27')}'`,
  refused: ({ elsewhere, isContainer }: { elsewhere: string | undefined; isContainer: boolean }) => [
    ...(elsewhere === undefined ? [] : [`write ${elsewhere} in urlTemplate: something listens there`]),
    'start the app',
    isContainer
      ? 'this is a container, where localhost is the container itself: write the name of the app’s service, or host.docker.internal'
      : 'when Hubwire runs in a container, localhost is the container itself: write the name of the app’s service, or host.docker.internal',
  ],
  tunnelGone: [
    'the tunnel is off, or has got a new name: start it again, or write its new name',
    'Hubwire needs no tunnel for an app on this machine: write http://localhost:PORT in urlTemplate',
  ],
  tunnelPage: [
    'the tunnel has no target, or shows a page of its own: start the app behind it, and switch its warning page off',
    'Hubwire needs no tunnel for an app on this machine: write http://localhost:PORT in urlTemplate',
  ],
  otherPath: (template: string) => [
    `your app answers at ${template}: change urlTemplate to that`,
    'Express: the option path of WebPubSubEventHandler, by default /api/webpubsub/hubs/HUB/, is compared with the whole path',
  ],
  wrongPath: (hub: string) => ['compare urlTemplate with the path at which the app serves events', ...mounted(hub)],
  noMiddleware: (hub: string) => [
    'mount the event handler on this path, before any catch-all route and before static files',
    ...mounted(hub),
  ],
  corsFirst: ['Express: app.use(handler.getMiddleware()) goes above app.use(cors())'],
  bodyParser: [
    'mount the event handler before express.json() and other body parsers, or keep these away from its path',
    'Express: app.use(handler.getMiddleware()); app.use(express.json());',
  ],
  hubMismatch: (hub: string) => [
    `make the handler for hub "${hub}"`,
    `Express: new WebPubSubEventHandler('${hub}', …)`,
    `ASP.NET: the class of MapWebPubSubHub<…> is the hub: name it ${hub}`,
    `Functions: WebPubSubTrigger("${hub}", …)`,
  ],
  noHandlerForUserEvent: [
    'write the function that handles it, or narrow userEventPattern',
    'Express: handleUserEvent: (req, res) => res.success(…)',
    'ASP.NET: override OnMessageReceivedAsync',
    'Functions: WebPubSubTrigger(hub, WebPubSubEventType.User, eventName)',
  ],
  noHandlerForEvent: (event: string, setting: string) => [
    `remove ${event} from ${setting}, or update the SDK: the app does not know the event`,
    ...(setting === 'groupPresenceEvents' ? ['Express: @azure/web-pubsub-express up to 1.0.6 has no such events'] : []),
  ],
  allowedEndpoints: (endpoint: string) => [
    `add ${endpoint} to allowedEndpoints, or remove the option: it does not authenticate calls`,
    `Express: allowedEndpoints: ['${endpoint}']`,
    'ASP.NET, Functions: the connection string of this service names the endpoint that is allowed',
  ],
  originPort: (endpoint: string) => [
    `write scheme, host and port of the endpoint and nothing else: ${endpoint}`,
    `Express: allowedEndpoints: ['${endpoint}']`,
  ],
  originList: [
    'update the SDK: up to 1.6.0 of the Functions extension and 1.1.0 of the ASP.NET Core package misread several names',
    'or set a single HUBWIRE_ENDPOINT, or delivery.lenientOriginList: true in hubs.yaml when the app answers with a list',
  ],
  codeMissing: [
    `add ?code=\${KEY} to urlTemplate, with the value of the system key "webpubsub_extension" of the function app`,
  ],
  easyAuth: (isPreflightFree: boolean) => [
    'exclude this path from App Service authentication, or use auth with the id of the app as resource',
    ...(isPreflightFree ? ['it lets CORS preflights pass, so a browser may see no fault'] : []),
  ],
  unauthorized: ['if the app checks ce-signature, give it the access key of this service, as text: it is not base64'],
  slowConnect: [
    'do the work in "connected", which no client waits for, and answer "connect" at once',
    'Express: call res.success() or res.fail() on every way through handleConnect',
  ],
  failedAt: (time: string, requestId: string | undefined) => [
    `look into the log of the app for ${time}${requestId === undefined ? '' : `, request id ${requestId}`}`,
  ],
  entraToken: (sources: string) => [
    sources,
    'set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run with a managed identity',
    'the resource is the App ID URI of the app’s registration, as in api://00000000-0000-0000-0000-000000000000',
  ],
  noHandler: (event: string, near: string | undefined) => [
    near === undefined ? `add "${event}" to the userEventPattern of a handler` : `did you mean "${near}"?`,
    'clients without a subprotocol send the event "message"',
  ],
  order: ['put the handler with the narrow pattern first'],
  role: (role: string) => [`add the role "${role}" when the token is made, or return it from the connect handler`],
  audience: [
    'set HUBWIRE_ENDPOINT to the address that clients use',
    'behind a proxy, let it pass the host on, or start with --trust-proxy when it sends X-Forwarded-Host',
  ],
  otherHub: (hub: string) => [
    hub === ''
      ? 'get a client access URL from your app server: this token is for REST calls'
      : `get a token for clients of hub "${hub}", or connect to the hub that the token is for`,
  ],
  newToken: ['get a new token for each connection attempt, right before it'],
  clock: (who: string) => [`correct the clock of ${who}, or keep both in time with NTP`],
  entraAsClient: [
    'get a client access URL from your app server: getClientAccessToken of the SDK',
    'an Entra token is for REST calls, and cannot open a WebSocket',
  ],
  wsUpgrade: [
    'let the proxy pass Upgrade and Connection on, and not buffer',
    'nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";',
    'Traefik passes them; ALB: a listener of type HTTP or HTTPS',
  ],
  wsIdle: (keepAliveSeconds: number) => [
    `raise the proxy’s read timeout above ${keepAliveSeconds * 2} s, which is twice the keep-alive of the hub, or lower webSocketKeepAliveIntervalInSeconds`,
    `nginx: proxy_read_timeout ${keepAliveSeconds * 3}s;`,
    `Traefik: --entrypoints.web.transport.respondingTimeouts.idleTimeout=${keepAliveSeconds * 3}s; ALB: idle_timeout.timeout_seconds=${keepAliveSeconds * 3}`,
  ],
  notThisService: ['check HUBWIRE_ENDPOINT or --url, and where the proxy sends this host and path'],
  keyLine: [
    'write WebPubSubConnectionString="Endpoint=ENDPOINT;AccessKey=KEY;Version=1.0;", as "hubwire start" prints it',
  ],
  keyAsText: ['use the key as text: it looks like base64, and is not to be decoded'],
  insecure: ['JavaScript: pass { allowInsecureConnection: true } to WebPubSubServiceClient, or use https'],
  secondKey: [
    'accept any of the values in ce-signature, which has one for each key, separated by a comma',
    'Express: header.split(",").includes("sha256=" + hmac)',
  ],
  otherFamily: (url: string) => [`write ${url} in urlTemplate, or let the app listen on both addresses`],
  portTaken: ['end the other program, or choose another port with --port'],
  ownCertificate: [
    'give its authority to doctor in NODE_EXTRA_CA_CERTS; clients and app servers on Node.js need the same',
  ],
  unknownHost: ['correct the host: that of --url or HUBWIRE_ENDPOINT, of the admin listener that of --admin'],
  /** @param startLine undefined: the service runs, and its admin listener is elsewhere */
  notRunning: (startLine: string | undefined) => [
    startLine === undefined
      ? 'name the URL of the admin listener with --admin; HUBWIRE_ADMIN_PORT=0 if there is none'
      : `start the service: ${startLine}`,
  ],
  otherScheme: (spoken: 'http' | 'https', isAdmin: boolean) => {
    const variables = isAdmin ? adminTls : 'HUBWIRE_TLS_CERT and HUBWIRE_TLS_KEY';
    return [
      `does its URL start with ${spoken}://? Name it with ${isAdmin ? '--admin' : '--url'}`,
      spoken === 'https'
        ? `or run doctor with the ${variables} of the service`
        : `or run doctor without ${variables}, which the service does not have`,
    ];
  },
  doctorClient: [
    'repair what is found of the hub’s event handlers, if anything is',
    'then read the log of the service; --log-level debug tells each upgrade and event',
  ],
} as const;
