/**
 * What each script does is atomic, for several nodes as well. ARGV[1] is the prefix P of all keys:
 *
 *   P default          list of envelopes that were accepted, as JSON; new ones on the left, taken from the right
 *   P failed           list of dead letters, as JSON; new ones on the left
 *   P envelopes        hash: handle → JSON of what has left `default`
 *   P queue:E          sorted set of handles of endpoint E that wait for room, in order of acceptance
 *   P delayed:E        sorted set of handles by the due time of their next attempt
 *   P inflight         sorted set of handles by the time until which their node has them
 *   P drafts           sorted set of handles by the time until which their node will have replaced them
 *   P keys:E           hash: ordering key → handle of the envelope whose turn it is
 *   P held:E:SHA1      sorted set of handles that wait for the one before them of their key
 *   P held             hash: E → number of those
 *   P dead             hash: E → number of dead letters
 *   P endpoints        set of endpoints that have had envelopes
 *   P deadlines        sorted set of keys by due time; `P deadline-contents` hash: key → content
 *   P facts            hash: E → JSON
 *   P unreadable       list of what somebody else put in `default` and is no envelope
 */
const shared = `
local P = ARGV[1]
local function heldName(endpoint, key) return P .. 'held:' .. endpoint .. ':' .. redis.sha1hex(key) end
local function enqueue(endpoint, handle) redis.call('ZADD', P .. 'queue:' .. endpoint, 0, handle) end

-- The next envelope of the key has its turn.
local function passOn(endpoint, key, handle)
  if key == '' or redis.call('HGET', P .. 'keys:' .. endpoint, key) ~= handle then return end
  local following = redis.call('ZPOPMIN', heldName(endpoint, key))[1]
  if following then
    redis.call('HINCRBY', P .. 'held', endpoint, -1)
    redis.call('HSET', P .. 'keys:' .. endpoint, key, following)
    enqueue(endpoint, following)
  else
    redis.call('HDEL', P .. 'keys:' .. endpoint, key)
  end
end

-- Drafts from ARGV[first] on: endpoint, handle, JSON for each.
local function keepDrafts(untilMs, first)
  for i = first, #ARGV, 3 do
    redis.call('HSET', P .. 'envelopes', ARGV[i + 1], ARGV[i + 2])
    redis.call('ZADD', P .. 'drafts', untilMs, ARGV[i + 1])
    redis.call('SADD', P .. 'endpoints', ARGV[i])
  end
end

local function forget(endpoint, handle)
  redis.call('ZREM', P .. 'inflight', handle)
  redis.call('ZREM', P .. 'delayed:' .. endpoint, handle)
  redis.call('ZREM', P .. 'queue:' .. endpoint, handle)
  return redis.call('HDEL', P .. 'envelopes', handle)
end
`;

/**
 * What a claim has not looked at stays in front of what is newer: an envelope of `default` is claimed only if its endpoint's
 * queue is empty.
 *
 * ARGV: P, now, due before, claimed until, total, then endpoint, count, is ordered (0 or 1) for each.
 */
const claim = `
local now, dueBefore, untilMs, total = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local room, isOrdered, names, claimed, nextDue = {}, {}, {}, {}, nil
for i = 6, #ARGV, 3 do
  names[#names + 1] = ARGV[i]
  room[ARGV[i]] = tonumber(ARGV[i + 1])
  isOrdered[ARGV[i]] = ARGV[i + 2] == '1'
end

local function hasRoom(endpoint) return total > 0 and (room[endpoint] or 0) > 0 end
local function isFirst(endpoint) return redis.call('EXISTS', P .. 'queue:' .. endpoint) == 0 end
local function goOnSoon() nextDue = now end

local function take(endpoint, handle, raw)
  redis.call('ZADD', P .. 'inflight', untilMs, handle)
  claimed[#claimed + 1] = raw
  total = total - 1
  room[endpoint] = room[endpoint] - 1
end

local function takeOrHold(endpoint, handle, raw, key)
  if key ~= nil and isOrdered[endpoint] then
    local active = redis.call('HGET', P .. 'keys:' .. endpoint, key)
    if active and active ~= handle then
      redis.call('ZADD', heldName(endpoint, key), 0, handle)
      redis.call('HINCRBY', P .. 'held', endpoint, 1)
      return
    end
    redis.call('HSET', P .. 'keys:' .. endpoint, key, handle)
  end
  take(endpoint, handle, raw)
end

-- What a node had and did not settle or replace in time: it is gone. All of it at once, since it is older than what waits.
for _, owned in ipairs({ 'inflight', 'drafts' }) do
  for _, handle in ipairs(redis.call('ZRANGEBYSCORE', P .. owned, '-inf', now)) do
    redis.call('ZREM', P .. owned, handle)
    local raw = redis.call('HGET', P .. 'envelopes', handle)
    if raw then enqueue(cjson.decode(raw).endpoint, handle) end
  end
end

for _, endpoint in ipairs(names) do
  local delayed = P .. 'delayed:' .. endpoint
  while hasRoom(endpoint) do
    local handle = redis.call('ZRANGEBYSCORE', delayed, '-inf', dueBefore, 'LIMIT', 0, 1)[1]
    if not handle then break end
    redis.call('ZREM', delayed, handle)
    local raw = redis.call('HGET', P .. 'envelopes', handle)
    if raw then take(endpoint, handle, raw) end
  end
  local looked = 0
  while hasRoom(endpoint) and looked < 500 do
    looked = looked + 1
    local handle = redis.call('ZPOPMIN', P .. 'queue:' .. endpoint)[1]
    if not handle then break end
    local raw = redis.call('HGET', P .. 'envelopes', handle)
    if raw then takeOrHold(endpoint, handle, raw, cjson.decode(raw).key) end
  end
  if hasRoom(endpoint) and not isFirst(endpoint) then goOnSoon() end
end

local looked = 0
while total > 0 and looked < 1000 do
  looked = looked + 1
  local raw = redis.call('RPOP', P .. 'default')
  if not raw then break end
  local ok, envelope = pcall(cjson.decode, raw)
  if not ok or type(envelope) ~= 'table' or type(envelope.endpoint) ~= 'string' or type(envelope.handle) ~= 'string' then
    redis.call('LPUSH', P .. 'unreadable', raw)
  else
    local endpoint, handle = envelope.endpoint, envelope.handle
    redis.call('HSET', P .. 'envelopes', handle, raw)
    redis.call('SADD', P .. 'endpoints', endpoint)
    if envelope.diedAtMs then redis.call('HINCRBY', P .. 'dead', endpoint, -1) end
    if hasRoom(endpoint) and isFirst(endpoint) then
      takeOrHold(endpoint, handle, raw, envelope.key)
    else
      enqueue(endpoint, handle)
    end
  end
end
if total > 0 and redis.call('EXISTS', P .. 'default') == 1 then goOnSoon() end

for _, endpoint in ipairs(names) do
  local first = redis.call('ZRANGE', P .. 'delayed:' .. endpoint, 0, 0, 'WITHSCORES')
  if first[2] and (not nextDue or tonumber(first[2]) < nextDue) then nextDue = tonumber(first[2]) end
end
return { nextDue and string.format('%.0f', nextDue) or '', claimed }
`;

/** ARGV: P, until, then endpoint, handle, JSON for each. */
const addDrafts = `
keepDrafts(ARGV[2], 3)
`;

/** ARGV: P, JSON of the envelope, then handles of drafts. Those that are not this node's any more are let be. */
const replaceDrafts = `
for i = 3, #ARGV do
  if redis.call('ZREM', P .. 'drafts', ARGV[i]) == 1 then redis.call('HDEL', P .. 'envelopes', ARGV[i]) end
end
redis.call('LPUSH', P .. 'default', ARGV[2])
`;

/** ARGV: P, endpoint, handle, key. */
const delivered = `
forget(ARGV[2], ARGV[3])
passOn(ARGV[2], ARGV[4], ARGV[3])
`;

/** ARGV: P, endpoint, handle, due, JSON. Nothing if the envelope is not this node's any more. */
const retry = `
if redis.call('ZREM', P .. 'inflight', ARGV[3]) == 0 then return 0 end
redis.call('HSET', P .. 'envelopes', ARGV[3], ARGV[5])
redis.call('ZADD', P .. 'delayed:' .. ARGV[2], ARGV[4], ARGV[3])
return 1
`;

/** ARGV: P, endpoint, handle, key, JSON. */
const bury = `
if forget(ARGV[2], ARGV[3]) == 0 then return 0 end
redis.call('LPUSH', P .. 'failed', ARGV[5])
redis.call('HINCRBY', P .. 'dead', ARGV[2], 1)
passOn(ARGV[2], ARGV[4], ARGV[3])
return 1
`;

/** ARGV: P, endpoint, handle. */
const release = `
if redis.call('ZREM', P .. 'inflight', ARGV[3]) == 1 then enqueue(ARGV[2], ARGV[3]) end
`;

/** ARGV: P, then endpoint, dead JSON, and JSON to queue or '' for each. @returns 1 or 0 for each: 0 if it is not there */
const takeDead = `
local taken = {}
for i = 2, #ARGV, 3 do
  local count = redis.call('LREM', P .. 'failed', -1, ARGV[i + 1])
  taken[#taken + 1] = count
  if count == 1 then
    redis.call('HINCRBY', P .. 'dead', ARGV[i], -1)
    if ARGV[i + 2] ~= '' then redis.call('LPUSH', P .. 'default', ARGV[i + 2]) end
  end
end
return taken
`;

/** ARGV: P, key, due, content. */
const schedule = `
redis.call('ZADD', P .. 'deadlines', ARGV[3], ARGV[2])
redis.call('HSET', P .. 'deadline-contents', ARGV[2], ARGV[4])
`;

/** ARGV: P, key. */
const cancel = `
redis.call('HDEL', P .. 'deadline-contents', ARGV[2])
return redis.call('ZREM', P .. 'deadlines', ARGV[2])
`;

/** ARGV: P, now, limit. @returns due time of the next one, then key, due, content for each */
const due = `
local found = redis.call('ZRANGEBYSCORE', P .. 'deadlines', '-inf', ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local result = { '' }
for i = 1, #found, 2 do
  result[#result + 1] = found[i]
  result[#result + 1] = found[i + 1]
  result[#result + 1] = redis.call('HGET', P .. 'deadline-contents', found[i]) or ''
end
local following = redis.call('ZRANGE', P .. 'deadlines', #found / 2, #found / 2, 'WITHSCORES')
result[1] = following[2] or ''
return result
`;

/** ARGV: P, key, due, content, until, how many envelopes, these, then endpoint, handle, JSON for each draft. */
const complete = `
local score = redis.call('ZSCORE', P .. 'deadlines', ARGV[2])
if not score or tonumber(score) ~= tonumber(ARGV[3]) then return 0 end
if redis.call('HGET', P .. 'deadline-contents', ARGV[2]) ~= ARGV[4] then return 0 end
redis.call('ZREM', P .. 'deadlines', ARGV[2])
redis.call('HDEL', P .. 'deadline-contents', ARGV[2])
local firstDraft = 7 + tonumber(ARGV[6])
for i = 7, firstDraft - 1 do redis.call('LPUSH', P .. 'default', ARGV[i]) end
keepDrafts(ARGV[5], firstDraft)
return 1
`;

/** ARGV: P. @returns endpoint, ready, delayed, in flight, dead for each */
const depths = `
local ready, inFlight = {}, {}
for _, raw in ipairs(redis.call('LRANGE', P .. 'default', 0, 9999)) do
  local ok, envelope = pcall(cjson.decode, raw)
  if ok and type(envelope) == 'table' and type(envelope.endpoint) == 'string' then
    redis.call('SADD', P .. 'endpoints', envelope.endpoint)
    ready[envelope.endpoint] = (ready[envelope.endpoint] or 0) + 1
  end
end
for owned, count in pairs({ inflight = inFlight, drafts = ready }) do
  for _, handle in ipairs(redis.call('ZRANGE', P .. owned, 0, -1)) do
    local raw = redis.call('HGET', P .. 'envelopes', handle)
    if raw then
      local endpoint = cjson.decode(raw).endpoint
      count[endpoint] = (count[endpoint] or 0) + 1
    end
  end
end
if redis.call('LLEN', P .. 'failed') == 0 then redis.call('DEL', P .. 'dead') end
local result = {}
for _, endpoint in ipairs(redis.call('SMEMBERS', P .. 'endpoints')) do
  local held = tonumber(redis.call('HGET', P .. 'held', endpoint) or 0)
  result[#result + 1] = endpoint
  result[#result + 1] = (ready[endpoint] or 0) + redis.call('ZCARD', P .. 'queue:' .. endpoint) + held
  result[#result + 1] = redis.call('ZCARD', P .. 'delayed:' .. endpoint)
  result[#result + 1] = inFlight[endpoint] or 0
  result[#result + 1] = math.max(0, tonumber(redis.call('HGET', P .. 'dead', endpoint) or 0))
end
return result
`;

/** ARGV: P. @returns when the envelope that has waited longest was accepted; '': none waits */
const oldest = `
local oldest
local function look(raw)
  local ok, envelope = pcall(cjson.decode, raw)
  if not ok or type(envelope) ~= 'table' then return end
  local atMs = tonumber(envelope.diedAtMs) or tonumber(envelope.acceptedAtMs)
  if atMs and (not oldest or atMs < oldest) then oldest = atMs end
end
local first = redis.call('LINDEX', P .. 'default', -1)
if first then look(first) end
for _, endpoint in ipairs(redis.call('SMEMBERS', P .. 'endpoints')) do
  local handle = redis.call('ZRANGE', P .. 'queue:' .. endpoint, 0, 0)[1]
  local raw = handle and redis.call('HGET', P .. 'envelopes', handle)
  if raw then look(raw) end
end
return oldest and string.format('%.0f', oldest) or ''
`;

/** ARGV: P, claimed until, then handles. */
const extend = `
for i = 3, #ARGV do redis.call('ZADD', P .. 'inflight', 'XX', ARGV[2], ARGV[i]) end
`;

export const redisScripts = {
  addDrafts: shared + addDrafts,
  replaceDrafts: shared + replaceDrafts,
  claim: shared + claim,
  delivered: shared + delivered,
  retry: shared + retry,
  bury: shared + bury,
  release: shared + release,
  takeDead: shared + takeDead,
  schedule: shared + schedule,
  cancel: shared + cancel,
  due: shared + due,
  complete: shared + complete,
  depths: shared + depths,
  oldest: shared + oldest,
  extend: shared + extend,
} as const;
