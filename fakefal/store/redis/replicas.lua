-- What replicas share beside the lines: webhooks and who sends them, who is alive, clocks, scenarios.
--
-- A claim says which replica is at a webhook or a judgement.  It holds while that replica renews its lease, in real time.

local function delivery(e)
  local kept = redis.call('HMGET', request_key(e.id), 'attempts', 'record')
  return {'delivery', e.id, tostring(e.tries), e.fate, text(e.ended), text(e.due),
    e.claimed_by == REPLICA and '1' or '', kept[1] or '[]', kept[2]}
end

local function release(e)
  redis.call('SREM', at('claimed'), e.id)
  redis.call('SREM', claims(e.claimed_by), claim('webhook', e.id))
  e.claimed_by = nil
  touch(e)
end

function STEPS.claim(tag, count)
  open(tag)
  if not L.exists then return {'claimed'} end
  if not catch_up() then close() return AGAIN end
  local reply = {'claimed'}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', at('webhooks'), '-inf', text(L.moment), 'LIMIT', 0, count)) do
    local e = load(id)
    strike_as('webhooks', id)
    e.claimed_by = REPLICA
    redis.call('SADD', at('claimed'), id)
    redis.call('SADD', claims(REPLICA), claim('webhook', id))
    touch(e)
    table.insert(reply, delivery(e))
  end
  close()
  return reply
end

function STEPS.trying(tag)
  open(tag)
  return {'trying', tostring(redis.call('SCARD', at('claimed')))}
end

function STEPS.delivery(id)
  local tag = tag_of(id, '')
  if not tag then return {'unknown'} end
  open(tag)
  local e = load(id)
  if not e or not e.fate then return {'unknown'} end
  return delivery(e)
end

-- Writes what became of a try, unless another one was written since the caller read; `due` is '' where it was made out
-- of turn, and leaves the schedule alone.
function STEPS.tried(id, tries, fate, due, attempts)
  local tag = tag_of(id, '')
  if not tag then return {'unknown'} end
  open(tag)
  local e = load(id)
  if not e or not e.fate then return {'unknown'} end
  if e.tries ~= tonumber(tries) then return {'changed'} end
  e.tries, e.fate = e.tries + 1, fate
  redis.call('HSET', request_key(id), 'attempts', attempts)
  touch(e)
  if due ~= '' then
    release(e)
    e.due = tonumber(due)
    if fate == 'pending' then note_as('webhooks', id, e.due) end
  end
  if fate ~= 'pending' then
    strike_as('webhooks', id)
    may_be_dropped(e)
  end
  close()
  return {'tried'}
end

function STEPS.deliveries(tag, after, count)
  open(tag)
  if not catch_up() then close() return AGAIN end
  close()
  local reply = {'page'}
  local found = redis.call('ZRANGEBYSCORE', at('deliveries'), '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
  for index = 1, #found, 2 do
    local one = delivery(load(found[index]))
    one[1] = found[index + 1]
    table.insert(reply, one)
  end
  return reply
end

-- -- who is alive -----------------------------------------------------------------------------------

-- Puts a claimed webhook back, so that another replica sends it.
local function put_back(id, owner)
  local e = load(id)
  if not e or e.claimed_by ~= owner then return end
  release(e)
  if e.fate == 'pending' then note_as('webhooks', id, e.due) end
  announced = true
end

-- Takes one claim from a replica: a webhook is due again; a judgement falls to this replica.
local function take_over(owner, name, reply)
  local kind, tag, id = string.match(name, '(%S+) (%S+) (%S+)')
  redis.call('SREM', claims(owner), name)
  open(tag)
  if kind == 'webhook' then
    put_back(id, owner)
  else
    local e = load(id)
    if e and not e.plan then
      e.judged_by = REPLICA
      redis.call('SADD', claims(REPLICA), name)
      touch(e)
      table.insert(reply, id)
    end
  end
  close()
  announced = false
end

-- Says what stands in this Redis, from when it is empty on.
local function found()
  redis.call('HSETNX', key('store'), 'layout', LAYOUT)
  redis.call('HSETNX', key('store'), 'era', REPLICA .. text(real_time()))
end

-- Renews the lease of this replica, and takes over from those whose lease has run out.  A replica that was late itself
-- only renews: when Redis was away, nobody could, and nobody is dead.
function STEPS.beat()
  local now = real_time()
  local last = redis.call('ZSCORE', key('replicas'), REPLICA)
  redis.call('ZADD', key('replicas'), text(now + LEASE), REPLICA)
  found()
  local orphans = {'orphans'}
  if last and tonumber(last) >= now then
    for _, dead in ipairs(redis.call('ZRANGEBYSCORE', key('replicas'), '-inf', '(' .. text(now), 'LIMIT', 0, 10)) do
      for _, name in ipairs(redis.call('SRANDMEMBER', claims(dead), EVENTS)) do take_over(dead, name, orphans) end
      if redis.call('EXISTS', claims(dead)) == 0 then redis.call('ZREM', key('replicas'), dead) end
    end
  end
  return {'beat', redis.call('SMEMBERS', key('active')), orphans, redis.call('SCARD', claims(REPLICA))}
end

function STEPS.claims()
  local reply = redis.call('SMEMBERS', claims(REPLICA))
  table.insert(reply, 1, 'claims')
  return reply
end

-- Gives up claims that this replica does not know of, since the answer that told it was lost.
function STEPS.give_up(...)
  local orphans = {'orphans'}
  for _, name in ipairs({...}) do take_over(REPLICA, name, orphans) end
  return orphans
end

-- This replica ends: what it claimed is free at once, and judgements fall to the next that beats.
function STEPS.leave()
  redis.call('ZADD', key('replicas'), '-inf', REPLICA)
  for _, name in ipairs(redis.call('SMEMBERS', claims(REPLICA))) do
    local kind, tag, id = string.match(name, '(%S+) (%S+) (%S+)')
    if kind == 'webhook' then
      redis.call('SREM', claims(REPLICA), name)
      open(tag)
      put_back(id, REPLICA)
      close()
      announced = false
    end
  end
  if redis.call('EXISTS', claims(REPLICA)) == 0 then redis.call('ZREM', key('replicas'), REPLICA) end
  redis.call('DEL', key('counted:' .. REPLICA))
  return {'left'}
end

-- What other code wrote is not touched; the folder of uploads is one for all replicas that are alive.
function STEPS.join(spool)
  local filled = redis.call('EXISTS', key('store')) == 1
  if filled and redis.call('HGET', key('store'), 'layout') ~= LAYOUT then return {'other layout'} end
  local others = redis.call('ZRANGEBYSCORE', key('replicas'), '(' .. text(real_time()), '+inf')
  local known = redis.call('HGET', key('store'), 'spool')
  if #others > 0 and known and known ~= spool then return {'elsewhere'} end
  found()
  redis.call('HSET', key('store'), 'spool', spool)
  redis.call('ZADD', key('replicas'), text(real_time() + LEASE), REPLICA)
  return {'joined'}
end

-- -- clocks and scenarios ---------------------------------------------------------------------------

-- The global clock, and those of keys that were moved since change number `since` of an era; an era ends when Redis is
-- emptied.  '' is the pace of a clock that follows the global one.
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

-- Lets the clock of a key keep step with the global one, which shows this.
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

-- Writes the rules, unless somebody else did since they were read.
function STEPS.set_rules(before, after)
  if (redis.call('GET', key('rules')) or '') ~= before then return {'changed'} end
  redis.call('SET', key('rules'), after)
  return {'set'}
end

function STEPS.forget_calls(tag)
  if tag == ALL_KEYS then redis.call('DEL', key('calls')) else redis.call('HDEL', key('calls'), tag) end
  return {'forgotten'}
end

-- -- secrets ----------------------------------------------------------------------------------------

function STEPS.secret(fresh)
  redis.call('HSETNX', key('secrets'), 'tokens', fresh)
  return {'secret', redis.call('HGET', key('secrets'), 'tokens')}
end

-- The signing keys of a family, oldest first; `fresh` becomes the newest where there is none, or where it is asked for.
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
