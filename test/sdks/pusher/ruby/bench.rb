# What each check starts from, and how it says what was wrong.

require 'json'
require 'net/http'
require 'uri'
require 'pusher'

CONTROL_URL = ENV.fetch('HUBWIRE_CONTROL_URL')
PLACE = URI(ENV.fetch('HUBWIRE_PUSHER_URL'))

# The library has no method for this row; the text says why.
class NotOffered < StandardError; end

# A check found something else than it should.
class Failed < StandardError; end

def expect_equal(actual, expected, what)
  raise Failed, "#{what}: #{actual.inspect} instead of #{expected.inspect}" unless actual == expected
end

# The error of a call that has to fail.
def failure_of(kind)
  yield
  raise Failed, 'the call succeeded'
rescue kind => error
  error
end

# What the runner answers; see test/sdks/pusher/stage.ts.
def control(path, method = :get, body = nil)
  uri = URI(CONTROL_URL + path)
  request = Net::HTTP.const_get(method.capitalize).new(uri)
  request.body = body.to_json if body
  response = Net::HTTP.start(uri.host, uri.port) { |http| http.request(request) }
  raise Failed, "#{method} #{path}: #{response.code}" if response.code.to_i >= 400

  response.body.to_s.empty? ? nil : JSON.parse(response.body)
end

# A client on the runner's side.
class Receiver
  attr_reader :socket_id

  def initialize
    greeted = control('/receivers', :post)
    @path = "/receivers/#{greeted['id']}"
    @socket_id = greeted['socketId']
  end

  def send_frame(event, data, channel = nil)
    control(@path, :post, { event: event, data: data, channel: channel }.compact)
  end

  # The next frame of this event, with its data read.
  def next(event)
    frame = control("#{@path}/next?event=#{URI.encode_www_form_component(event)}")
    frame.merge('data' => as_json(frame['data']))
  end

  def subscribe(channel, authorization = {})
    send_frame('pusher:subscribe', { channel: channel }.merge(authorization))
    self.next('pusher_internal:subscription_succeeded')
  end

  def drop
    control(@path, :delete)
  end

  private

  def as_json(value)
    value.is_a?(String) ? JSON.parse(value) : value
  rescue JSON::ParserError
    value # the event's data is plain text
  end
end

# The library, receivers that end with the check, and names that nobody else uses.
class Bench
  attr_reader :pusher

  def initialize(feature)
    @feature = feature
    @pusher = library
    @receivers = []
  end

  def library(secret = PLACE.password)
    place = { app_id: PLACE.path.split('/')[2], key: PLACE.user, host: PLACE.host, port: PLACE.port }
    Pusher::Client.new(secret: secret, use_tls: false, **place)
  end

  def own(what)
    "#{what}-#{@feature}-#{Process.pid}"
  end

  def receiver
    Receiver.new.tap { |each| @receivers << each }
  end

  def subscriber(channel)
    receiver.tap { |each| each.subscribe(channel) }
  end

  # A member of a presence channel, with the library's signature.
  def member(channel, user_id)
    receiver.tap do |each|
      each.subscribe(channel, @pusher.authenticate(channel, each.socket_id, { user_id: user_id, user_info: {} }))
    end
  end

  def webhook(name, channel)
    control("/webhooks/next?#{URI.encode_www_form(name: name, channel: channel)}")
  end

  def end
    @receivers.each(&:drop)
  end
end
