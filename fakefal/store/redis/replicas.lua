-- Which replicas are alive, and who takes over the claims of dead ones.

-- Releases a claimed webhook, so that another replica sends it.
local function put_back(id, owner)
  local e = load(id)
  if not e or e.claimed_by ~= owner then return end
  release(e)
  if e.fate == 'pending' then note_as('webhooks', id, e.due) end
  announced = true
end

-- Takes one claim from a replica: a webhook is due again; a judgement goes to this replica.
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

-- Writes the version of the data into an empty Redis.
local function found()
  redis.call('HSETNX', key('store'), 'layout', LAYOUT)
  redis.call('HSETNX', key('store'), 'era', REPLICA .. text(real_time()))
end

-- Renews the lease of this replica, and takes over from replicas whose lease has expired.  A replica that was late
-- itself only renews: while Redis was away no replica could renew, so none is dead.
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

-- Releases claims that this replica does not know of, because the reply with them was lost.
function STEPS.give_up(...)
  local orphans = {'orphans'}
  for _, name in ipairs({...}) do take_over(REPLICA, name, orphans) end
  return orphans
end

-- This replica ends: its claims are free at once, and judgements go to the next replica that beats.
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

-- Data of other code versions are not touched; all replicas that are alive use one folder of uploads.
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
