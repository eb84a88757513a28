-- The state that replicas share besides the lines: clocks, rules, secrets.

-- The global clock, and the clocks of keys that were moved since change number `since` of an era; an era ends when
-- Redis is emptied.  '' is the pace of a clock that follows the global one.
function STEPS.clocks(era, since)
  local now = redis.call('HGET', key('store'), 'era') or ''
  local changed = {}
  local begin = era == now and '(' .. since or '-inf'
  for _, tag in ipairs(redis.call('ZRANGEBYSCORE', key('clock:order'), begin, '+inf')) do
    table.insert(changed, tag)
    table.insert(changed, redis.call('HGET', key('clock'), tag) or '')
  end
  return {'clocks', text(real_time()), now, redis.call('GET', key('arrivals')) or '0',
    redis.call('HGET', key('clock'), ALL_KEYS) or '', changed}
end

local function clock_changed(tag)
  local number = redis.call('INCR', key('arrivals'))
  if tag ~= ALL_KEYS then redis.call('ZADD', key('clock:order'), number, tag) end
end

-- Moves the clock of a key, or with ALL_KEYS the global one, as fakefal/core/pace.py does.
function STEPS.move(tag, advance, speed, most, era, since)
  local followed = real_time()
  local packed = redis.call('HGET', key('clock'), tag)
  if tag ~= ALL_KEYS then followed = pace_at(read_pace(redis.call('HGET', key('clock'), ALL_KEYS)), followed) end
  local pace = read_pace(packed)
  local moved = {text(followed), text(pace_at(pace, followed) + tonumber(advance)),
    speed ~= '' and speed or text(pace.speed)}
  redis.call('HSET', key('clock'), tag, table.concat(moved, ' '))
  clock_changed(tag)
  trim('clock', most)
  redis.call('PUBLISH', key('changed'), REPLICA .. ' ' .. tag .. ' clock')
  return STEPS.clocks(era, since)
end

-- Lets the clock of a key run at the speed of the global one, which shows this time.
local function in_step(tag, followed)
  local packed = redis.call('HGET', key('clock'), tag)
  if not packed then return end
  local shown = pace_at(read_pace(packed), followed)
  if shown > followed then
    redis.call('HSET', key('clock'), tag, text(followed) .. ' ' .. text(shown) .. ' 1')
  else
    redis.call('HDEL', key('clock'), tag)
  end
  clock_changed(tag)
end

-- Resets the clock of a key, or with ALL_KEYS every clock.
function STEPS.reset_clocks(tag, era, since)
  local now = real_time()
  local followed = pace_at(read_pace(redis.call('HGET', key('clock'), ALL_KEYS)), now)
  if tag == ALL_KEYS then
    redis.call('HSET', key('clock'), ALL_KEYS, text(now) .. ' ' .. text(followed) .. ' 1')
    clock_changed(ALL_KEYS)
    for _, one in ipairs(redis.call('HKEYS', key('clock'))) do
      if one ~= ALL_KEYS then in_step(one, followed) end
    end
  else
    in_step(tag, followed)
  end
  redis.call('PUBLISH', key('changed'), REPLICA .. ' ' .. tag .. ' clock')
  return STEPS.clocks(era, since)
end

function STEPS.rules() return {'rules', redis.call('GET', key('rules')) or ''} end

-- Writes the rules, unless they were changed since the caller read them.
function STEPS.set_rules(before, after)
  if (redis.call('GET', key('rules')) or '') ~= before then return {'changed'} end
  redis.call('SET', key('rules'), after)
  return {'set'}
end

function STEPS.forget_calls(tag)
  if tag == ALL_KEYS then forget_all('calls') else forget_one('calls', tag) end
  return {'forgotten'}
end

-- -- secrets ----------------------------------------------------------------------------------------

function STEPS.secret(fresh)
  redis.call('HSETNX', key('secrets'), 'tokens', fresh)
  return {'secret', redis.call('HGET', key('secrets'), 'tokens')}
end

-- The signing keys of a family, oldest first; `fresh` becomes the newest if there is none, or on request.
function STEPS.signing(family, fresh, rotate, most)
  local kept = key('signing:' .. family)
  if fresh ~= '' and (rotate == '1' or redis.call('EXISTS', kept) == 0) then
    redis.call('RPUSH', kept, fresh)
    redis.call('LTRIM', kept, -tonumber(most), -1)
  end
  local reply = redis.call('LRANGE', kept, 0, -1)
  table.insert(reply, 1, 'keys')
  return reply
end
