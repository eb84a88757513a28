-- The calls of all replicas, and the metrics.  Replicas write in batches, now and then; a batch may come twice.

local PAGE = 256
local COUNTED_SECONDS = 24 * 3600 -- how long a replica's last batch is remembered, even if the replica seems dead
local RESET_SECONDS = 3600 -- how long a reset of calls is remembered: no replica writes them later than that

local function forgotten_at(tag) return tonumber(redis.call('GET', key('journal:since:' .. tag)) or 0) end

-- Writes calls: of each its name, '1' if it is new, its time by the clock of its replica, its age, the tag of its key,
-- and the call itself.  Calls from before a reset, and calls that are no longer kept, are left out.
function STEPS.write_calls(most, ...)
  local now, calls, all_since, since = real_time(), {...}, forgotten_at(ALL_KEYS), {}
  for index = 1, #calls, 6 do
    local name, new, moment, age, tag, call = unpack(calls, index, index + 5)
    since[tag] = since[tag] or math.max(all_since, forgotten_at(tag))
    if new == '1' and now - tonumber(age) >= since[tag] or redis.call('HEXISTS', key('journal'), name) == 1 then
      redis.call('ZADD', key('journal:order'), 'NX', moment, name)
      redis.call('HSET', key('journal'), name, tag .. ' ' .. call)
    end
  end
  trim('journal', most)
  return {'written'}
end

-- Calls `visit` with the calls of a key, or of ALL_KEYS, and their names, newest first, until it returns true.
local function each_call(tag, visit)
  local at, begins = 0, tag .. ' '
  repeat
    local names = redis.call('ZREVRANGE', key('journal:order'), at, at + PAGE - 1)
    local calls = #names > 0 and redis.call('HMGET', key('journal'), unpack(names)) or {}
    for index, call in ipairs(calls) do
      local wanted = tag == ALL_KEYS or string.sub(call, 1, #begins) == begins
      if wanted and visit(names[index], call) then return end
    end
    at = at + PAGE
  until #names < PAGE
end

-- The newest calls of a key, or of ALL_KEYS, each preceded by the tag of its key.
function STEPS.calls(tag, limit)
  local reply = {'calls'}
  each_call(tag, function(_, call)
    table.insert(reply, call)
    return #reply > tonumber(limit)
  end)
  return reply
end

function STEPS.count_calls() return {'count', redis.call('ZCARD', key('journal:order'))} end

function STEPS.forget_journal(tag)
  if tag == ALL_KEYS then
    forget_all('journal')
  else
    local gone = {}
    each_call(tag, function(name) table.insert(gone, name) end)
    for _, name in ipairs(gone) do forget_one('journal', name) end
  end
  redis.call('SET', key('journal:since:' .. tag), text(real_time()), 'EX', RESET_SECONDS)
  return {'forgotten'}
end

-- Adds to counts, unless this replica's batch with that number was added before.
function STEPS.count(number, ...)
  if redis.call('GET', key('counted:' .. REPLICA)) ~= number then
    redis.call('SET', key('counted:' .. REPLICA), number, 'EX', COUNTED_SECONDS)
    local counts = {...}
    for index = 1, #counts, 2 do count(counts[index], counts[index + 1]) end
  end
  return {'counted'}
end

function STEPS.counts()
  local reply = redis.call('HGETALL', key('counts'))
  table.insert(reply, 1, 'counts')
  return reply
end
