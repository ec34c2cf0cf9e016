<?php

// One check for each row of features.json that is about server libraries.

declare(strict_types=1);

const DATA = ['text' => 'grüße ☃', 'list' => [1, 2.5, null]];

/** @return array<string, callable(Bench): void> */
return [
    'trigger' => function (Bench $bench): void {
        $channels = [$bench->own('one'), $bench->own('two')];
        $receiver = $bench->subscriber($channels[0]);
        $receiver->subscribe($channels[1]);
        $bench->pusher->trigger($channels, 'greeting', DATA);
        $frames = [$receiver->next('greeting'), $receiver->next('greeting')];
        $came = array_column($frames, 'channel');
        sort($came);
        expect_equal($came, $channels, 'the channels');
        foreach ($frames as $frame) {
            expect_equal($frame['data'], DATA, 'the data');
        }
    },
    'trigger.excluded' => function (Bench $bench): void {
        $channel = $bench->own('channel');
        [$sender, $other] = [$bench->subscriber($channel), $bench->subscriber($channel)];
        $bench->pusher->trigger($channel, 'greeting', 'for others', ['socket_id' => $sender->socketId]);
        $bench->pusher->trigger($channel, 'greeting', 'for all');
        expect_equal($other->next('greeting')['data'], 'for others', 'the first at the other');
        expect_equal($sender->next('greeting')['data'], 'for all', 'the first at the sender');
    },
    'trigger.info' => function (Bench $bench): void {
        [$channel, $presence] = [$bench->own('channel'), $bench->own('presence')];
        $bench->subscriber($channel);
        $bench->member($presence, 'ann');
        $info = ['info' => 'user_count,subscription_count'];
        $channels = $bench->pusher->trigger([$channel, $presence], 'greeting', DATA, $info)->channels;
        expect_equal($channels[$channel]->subscription_count ?? null, 1, 'subscribers');
        expect_equal($channels[$presence]->user_count ?? null, 1, 'users');
    },
    'trigger.tooLarge' => function (Bench $bench): void {
        $call = fn () => $bench->pusher->trigger($bench->own('channel'), 'e', str_repeat('x', 10_241));
        expect_equal(failure_of($call)->getCode(), 413, 'the status');
    },
    'triggerBatch' => function (Bench $bench): void {
        [$one, $two] = [$bench->own('one'), $bench->own('two')];
        $receiver = $bench->subscriber($one);
        $receiver->subscribe($two);
        $bench->pusher->triggerBatch([
            ['channel' => $one, 'name' => 'first', 'data' => DATA],
            ['channel' => $two, 'name' => 'second', 'data' => 'text'],
        ]);
        expect_equal($receiver->next('first')['data'], DATA, 'the data of the first');
        expect_equal($receiver->next('second')['channel'], $two, 'the channel of the second');
    },
    'triggerBatch.info' => function (Bench $bench): void {
        $names = [$bench->own('empty'), $bench->own('channel')];
        $bench->subscriber($names[1]);
        $item = fn (string $name) => ['channel' => $name, 'name' => 'e', 'data' => DATA, 'info' => 'subscription_count'];
        $answer = $bench->pusher->triggerBatch(array_map($item, $names));
        expect_equal($answer->batch, [['subscription_count' => 0], ['subscription_count' => 1]], 'the answer');
    },
    'triggerEncrypted' => function (Bench $bench): void {
        $channel = $bench->own('private-encrypted');
        $receiver = $bench->receiver();
        $signed = json_decode($bench->pusher->authorizeChannel($channel, $receiver->socketId), true);
        $receiver->subscribe($channel, json_encode(['auth' => $signed['auth']]));
        $bench->pusher->trigger($channel, 'greeting', DATA);
        $keys = array_keys($receiver->next('greeting')['data']);
        sort($keys);
        expect_equal($keys, ['ciphertext', 'nonce'], 'the keys of the data');
    },
    'sendToUser' => function (Bench $bench): void {
        $userId = $bench->own('user');
        $receivers = [$bench->signedIn($userId), $bench->signedIn($userId)];
        $bench->pusher->sendToUser($userId, 'greeting', DATA);
        foreach ($receivers as $receiver) {
            expect_equal($receiver->next('greeting')['data'], DATA, 'the data');
        }
    },
    'terminateUserConnections' => function (Bench $bench): void {
        $userId = $bench->own('user');
        $receiver = $bench->signedIn($userId);
        $bench->pusher->terminateUserConnections($userId);
        expect_equal($receiver->closed()['code'], 4009, 'the close code');
    },
    'channels' => function (Bench $bench): void {
        $channel = $bench->own('presence');
        $bench->member($channel, 'ann');
        $answer = $bench->pusher->getChannels(['filter_by_prefix' => $channel, 'info' => 'user_count']);
        expect_equal($answer->channels, [$channel => ['user_count' => 1]], 'the answer');
    },
    'channel' => function (Bench $bench): void {
        $channel = $bench->own('channel');
        expect_equal($bench->pusher->getChannelInfo($channel), ['occupied' => false], 'of an empty channel');
        $bench->subscriber($channel);
        $answer = $bench->pusher->getChannelInfo($channel, ['info' => 'subscription_count']);
        expect_equal($answer, ['occupied' => true, 'subscription_count' => 1], 'of an occupied channel');
    },
    'users' => function (Bench $bench): void {
        $channel = $bench->own('presence');
        foreach (['ann', 'ann', 'ben'] as $userId) {
            $bench->member($channel, $userId);
        }
        $found = array_column($bench->pusher->getPresenceUsers($channel)->users, 'id');
        sort($found);
        expect_equal($found, ['ann', 'ben'], 'the users');
    },
    'authorizeChannel' => function (Bench $bench): void {
        $channel = $bench->own('private');
        $receiver = $bench->receiver();
        $receiver->subscribe($channel, $bench->pusher->authorizeChannel($channel, $receiver->socketId));
    },
    'authorizeChannel.presence' => function (Bench $bench): void {
        $channel = $bench->own('presence');
        $first = $bench->member($channel, 'ann');
        $bench->member($channel, 'ben');
        $came = $first->next('pusher_internal:member_added')['data'];
        expect_equal($came, ['user_id' => 'ben', 'user_info' => ['name' => 'ben']], 'who came');
    },
    'authenticateUser' => function (Bench $bench): void {
        $bench->signedIn($bench->own('user'));
    },
    'wrongSecret' => function (Bench $bench): void {
        $call = fn () => $bench->library('of-another')->trigger('channel', 'greeting', DATA);
        expect_equal(failure_of($call)->getCode(), 401, 'the status');
    },
    'webhook' => function (Bench $bench): void {
        $channel = $bench->own('channel');
        $bench->subscriber($channel);
        $found = $bench->webhook('channel_occupied', $channel);
        expect_equal($found->get_events(), [['name' => 'channel_occupied', 'channel' => $channel]], 'the events');
        if (abs($found->get_time_ms() / 1000 - time()) > 5) {
            throw new Failed("the time {$found->get_time_ms()}");
        }
    },
    'webhook.altered' => function (Bench $bench): void {
        $channel = $bench->own('channel');
        $bench->subscriber($channel);
        $came = $bench->delivery('channel_occupied', $channel);
        $bench->pusher->webhook($came['headers'], $came['body']);
        $altered = str_replace('channel_occupied', 'channel_occupieD', $came['body']);
        failure_of(fn () => $bench->pusher->webhook($came['headers'], $altered));
    },
    'webhook.presence' => function (Bench $bench): void {
        $channel = $bench->own('presence');
        $member = $bench->member($channel, 'ann');
        $event = ['channel' => $channel, 'user_id' => 'ann'];
        $added = $bench->webhook('member_added', $channel)->get_events();
        expect_equal($added, [['name' => 'member_added', ...$event]], 'the first event');
        $member->drop();
        $removed = $bench->webhook('member_removed', $channel)->get_events();
        expect_equal($removed, [['name' => 'member_removed', ...$event]], 'the second event');
    },
    'webhook.clientEvent' => function (Bench $bench): void {
        $channel = $bench->own('presence');
        $member = $bench->member($channel, 'ann');
        $member->send('client-note', DATA, $channel);
        $event = $bench->webhook('client_event', $channel)->get_events()[0];
        expect_equal(json_decode($event->data, true), DATA, 'the data');
        expect_equal([$event->event, $event->socket_id, $event->user_id], ['client-note', $member->socketId, 'ann'], 'the rest');
    },
    'webhook.vacated' => function (Bench $bench): void {
        $channel = $bench->own('channel');
        $bench->subscriber($channel)->drop();
        $bench->webhook('channel_vacated', $channel);
    },
];
