<?php

// What each check starts from, and how it says what was wrong.

declare(strict_types=1);

final class Failed extends Exception
{
}

function expect_equal(mixed $actual, mixed $expected, string $what): void
{
    [$is, $should] = [json_encode($actual), json_encode($expected)];
    if ($is !== $should) {
        throw new Failed("$what: $is instead of $should");
    }
}

/** The error of a call that has to fail. */
function failure_of(callable $call): Exception
{
    try {
        $call();
    } catch (Pusher\PusherException | Pusher\ApiErrorException $error) {
        return $error;
    }
    throw new Failed('the call succeeded');
}

/** What the runner answers; see test/sdks/pusher/stage.ts. */
function control(string $path, string $method = 'GET', ?array $body = null): mixed
{
    $request = curl_init(getenv('HUBWIRE_CONTROL_URL') . $path);
    curl_setopt($request, CURLOPT_CUSTOMREQUEST, $method);
    curl_setopt($request, CURLOPT_RETURNTRANSFER, true);
    if ($body !== null) {
        curl_setopt($request, CURLOPT_POSTFIELDS, json_encode($body));
    }
    $text = curl_exec($request);
    $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
    if ($text === false || $status >= 400) {
        throw new Failed("$method $path: $status");
    }
    return $text === '' ? null : json_decode($text, true);
}

/** A client on the runner's side. */
final class Receiver
{
    public readonly string $socketId;
    private readonly string $path;

    public function __construct()
    {
        $greeted = control('/receivers', 'POST');
        $this->path = "/receivers/{$greeted['id']}";
        $this->socketId = $greeted['socketId'];
    }

    public function send(string $event, mixed $data, ?string $channel = null): void
    {
        $frame = ['event' => $event, 'data' => $data];
        control($this->path, 'POST', $channel === null ? $frame : [...$frame, 'channel' => $channel]);
    }

    /** The next frame of this event, with its data read. */
    public function next(string $event): array
    {
        $frame = control("$this->path/next?event=" . urlencode($event));
        $data = $frame['data'] ?? null;
        $frame['data'] = is_string($data) ? json_decode($data, true) ?? $data : $data;
        return $frame;
    }

    public function closed(): array
    {
        return control("$this->path/close");
    }

    /** @param string $authorization what the library signed */
    public function subscribe(string $channel, string $authorization = '{}'): void
    {
        $this->send('pusher:subscribe', ['channel' => $channel, ...json_decode($authorization, true)]);
        $this->next('pusher_internal:subscription_succeeded');
    }

    public function drop(): void
    {
        control($this->path, 'DELETE');
    }
}

/** The library, receivers that end with the check, and names that nobody else uses. */
final class Bench
{
    public readonly Pusher\Pusher $pusher;
    private array $receivers = [];

    public function __construct(private readonly string $feature)
    {
        $this->pusher = $this->library();
    }

    public function library(?string $secret = null): Pusher\Pusher
    {
        $place = parse_url(getenv('HUBWIRE_PUSHER_URL'));
        $options = [
            'host' => $place['host'],
            'port' => $place['port'],
            'useTLS' => false,
            'encryption_master_key_base64' => base64_encode(str_repeat('k', 32)),
        ];
        return new Pusher\Pusher($place['user'], $secret ?? $place['pass'], explode('/', $place['path'])[2], $options);
    }

    public function own(string $what): string
    {
        return "$what-$this->feature-" . getmypid();
    }

    public function receiver(): Receiver
    {
        return $this->receivers[] = new Receiver();
    }

    public function subscriber(string $channel): Receiver
    {
        $receiver = $this->receiver();
        $receiver->subscribe($channel);
        return $receiver;
    }

    /** A member of a presence channel, with the library's signature. */
    public function member(string $channel, string $userId): Receiver
    {
        $receiver = $this->receiver();
        $signed = $this->pusher->authorizePresenceChannel($channel, $receiver->socketId, $userId, ['name' => $userId]);
        $receiver->subscribe($channel, $signed);
        return $receiver;
    }

    public function signedIn(string $userId): Receiver
    {
        $receiver = $this->receiver();
        $signed = $this->pusher->authenticateUser($receiver->socketId, ['id' => $userId]);
        $receiver->send('pusher:signin', json_decode($signed, true));
        $receiver->next('pusher:signin_success');
        return $receiver;
    }

    public function delivery(string $name, string $channel): array
    {
        return control('/webhooks/next?' . http_build_query(['name' => $name, 'channel' => $channel]));
    }

    /** What the library makes of a webhook that it has to accept. */
    public function webhook(string $name, string $channel): object
    {
        $came = $this->delivery($name, $channel);
        return $this->pusher->webhook($came['headers'], $came['body']);
    }

    public function end(): void
    {
        foreach ($this->receivers as $receiver) {
            $receiver->drop();
        }
    }
}
