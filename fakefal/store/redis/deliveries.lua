-- Webhooks, and the replicas that send them.
--
-- A claim says which replica works on a webhook or a judgement.  It holds while that replica renews its lease, in real
-- time.

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

-- Records the result of a try, unless another was recorded since the caller read; `due` is '' for an extra try, which
-- does not change the schedule.
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
