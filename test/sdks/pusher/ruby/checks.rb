# One check for each row of features.json that is about server libraries.

DATA = { 'text' => 'grüße ☃', 'list' => [1, 2.5, nil] }.freeze

def not_offered(why)
  ->(_bench) { raise NotOffered, why }
end

def read(bench, webhook)
  headers = webhook['headers'].transform_keys(&:downcase)
  bench.pusher.webhook(
    key: headers['x-pusher-key'],
    signature: headers['x-pusher-signature'],
    content_type: headers['content-type'],
    body: webhook['body']
  )
end

def valid(bench, name, channel)
  found = read(bench, bench.webhook(name, channel))
  raise Failed, 'the library does not accept it' unless found.valid?

  found
end

CHECKS = {
  'trigger' => lambda do |bench|
    channels = [bench.own('one'), bench.own('two')]
    receiver = bench.subscriber(channels[0])
    receiver.subscribe(channels[1])
    bench.pusher.trigger(channels, 'greeting', DATA)
    frames = [receiver.next('greeting'), receiver.next('greeting')]
    expect_equal(frames.map { |frame| frame['channel'] }.sort, channels, 'the channels')
    frames.each { |frame| expect_equal(frame['data'], DATA, 'the data') }
  end,
  'trigger.excluded' => lambda do |bench|
    channel = bench.own('channel')
    sender, other = bench.subscriber(channel), bench.subscriber(channel)
    bench.pusher.trigger(channel, 'greeting', 'for others', { socket_id: sender.socket_id })
    bench.pusher.trigger(channel, 'greeting', 'for all')
    expect_equal(other.next('greeting')['data'], 'for others', 'the first at the other')
    expect_equal(sender.next('greeting')['data'], 'for all', 'the first at the sender')
  end,
  'trigger.info' => lambda do |bench|
    channel, presence = bench.own('channel'), bench.own('presence')
    bench.subscriber(channel)
    bench.member(presence, 'ann')
    info = { info: 'user_count,subscription_count' }
    channels = bench.pusher.trigger([channel, presence], 'greeting', DATA, info)[:channels]
    expect_equal(channels[channel]['subscription_count'], 1, 'subscribers')
    expect_equal(channels[presence]['user_count'], 1, 'users')
  end,
  'trigger.tooLarge' => lambda do |bench|
    error = failure_of(Pusher::Error) { bench.pusher.trigger(bench.own('channel'), 'e', 'x' * 10_241) }
    raise Failed, "the error says #{error.message}" unless error.message.include?('413') || error.message.include?('Too Large')
  end,
  'triggerBatch' => lambda do |bench|
    one, two = bench.own('one'), bench.own('two')
    receiver = bench.subscriber(one)
    receiver.subscribe(two)
    bench.pusher.trigger_batch(
      { channel: one, name: 'first', data: DATA },
      { channel: two, name: 'second', data: 'text' }
    )
    expect_equal(receiver.next('first')['data'], DATA, 'the data of the first')
    expect_equal(receiver.next('second')['channel'], two, 'the channel of the second')
  end,
  'triggerBatch.info' => lambda do |bench|
    names = [bench.own('empty'), bench.own('channel')]
    bench.subscriber(names[1])
    batch = names.map { |name| { channel: name, name: 'e', data: DATA, info: 'subscription_count' } }
    answer = bench.pusher.trigger_batch(*batch)[:batch]
    expect_equal(answer, [{ 'subscription_count' => 0 }, { 'subscription_count' => 1 }], 'the answer')
  end,
  'triggerEncrypted' => not_offered('with a further gem only (rbnacl)'),
  'sendToUser' => not_offered('no such method'),
  'terminateUserConnections' => not_offered('no such method'),
  'channels' => lambda do |bench|
    channel = bench.own('presence')
    bench.member(channel, 'ann')
    answer = bench.pusher.channels({ filter_by_prefix: channel, info: 'user_count' })
    expect_equal(answer[:channels], { channel => { 'user_count' => 1 } }, 'the answer')
  end,
  'channel' => lambda do |bench|
    channel = bench.own('channel')
    expect_equal(bench.pusher.channel_info(channel), { occupied: false }, 'of an empty channel')
    bench.subscriber(channel)
    answer = bench.pusher.channel_info(channel, { info: 'subscription_count' })
    expect_equal(answer, { occupied: true, subscription_count: 1 }, 'of an occupied channel')
  end,
  'users' => lambda do |bench|
    channel = bench.own('presence')
    %w[ann ann ben].each { |user_id| bench.member(channel, user_id) }
    found = bench.pusher.channel_users(channel)[:users].map { |user| user['id'] }
    expect_equal(found.sort, %w[ann ben], 'the users')
  end,
  'authorizeChannel' => lambda do |bench|
    channel = bench.own('private')
    receiver = bench.receiver
    receiver.subscribe(channel, bench.pusher.authenticate(channel, receiver.socket_id))
  end,
  'authorizeChannel.presence' => lambda do |bench|
    channel = bench.own('presence')
    first = bench.member(channel, 'ann')
    bench.member(channel, 'ben')
    expect_equal(first.next('pusher_internal:member_added')['data']['user_id'], 'ben', 'who came')
  end,
  'authenticateUser' => lambda do |bench|
    receiver = bench.receiver
    receiver.send_frame('pusher:signin', bench.pusher.authenticate_user(receiver.socket_id, { id: bench.own('user') }))
    receiver.next('pusher:signin_success')
  end,
  'wrongSecret' => lambda do |bench|
    failure_of(Pusher::AuthenticationError) { bench.library('of-another').trigger('channel', 'greeting', DATA) }
  end,
  'webhook' => lambda do |bench|
    channel = bench.own('channel')
    bench.subscriber(channel)
    found = valid(bench, 'channel_occupied', channel)
    expect_equal(found.events, [{ 'name' => 'channel_occupied', 'channel' => channel }], 'the events')
    raise Failed, "the time #{found.time}" if (found.time - Time.now).abs > 5
  end,
  'webhook.altered' => lambda do |bench|
    channel = bench.own('channel')
    bench.subscriber(channel)
    came = bench.webhook('channel_occupied', channel)
    raise Failed, 'the library does not accept it' unless read(bench, came).valid?

    altered = came.merge('body' => came['body'].sub('channel_occupied', 'channel_occupieD'))
    expect_equal(read(bench, altered).valid?, false, 'the altered one')
  end,
  'webhook.presence' => lambda do |bench|
    channel = bench.own('presence')
    member = bench.member(channel, 'ann')
    event = { 'channel' => channel, 'user_id' => 'ann' }
    added = valid(bench, 'member_added', channel).events
    expect_equal(added, [{ 'name' => 'member_added' }.merge(event)], 'the first event')
    member.drop
    removed = valid(bench, 'member_removed', channel).events
    expect_equal(removed, [{ 'name' => 'member_removed' }.merge(event)], 'the second event')
  end,
  'webhook.clientEvent' => lambda do |bench|
    channel = bench.own('presence')
    member = bench.member(channel, 'ann')
    member.send_frame('client-note', DATA, channel)
    event = valid(bench, 'client_event', channel).events[0]
    expect_equal(JSON.parse(event['data']), DATA, 'the data')
    expect_equal(event.values_at('event', 'socket_id', 'user_id'), ['client-note', member.socket_id, 'ann'], 'the rest')
  end,
  'webhook.vacated' => lambda do |bench|
    channel = bench.own('channel')
    bench.subscriber(channel).drop
    valid(bench, 'channel_vacated', channel)
  end
}.freeze
