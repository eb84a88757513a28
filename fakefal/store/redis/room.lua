-- The limits of the store: evicts the oldest requests, so that one more fits.

local function claims(replica) return key('claims:' .. replica) end
local function claim(kind, id) return kind .. ' ' .. L.tag .. ' ' .. id end

local function forget_line()
  for _, name in ipairs({'line', 'queued', 'ready', 'unready', 'running', 'releases', 'start_by', 'aside', 'requests',
    'deliveries', 'webhooks', 'claimed'}) do
    redis.call('DEL', at(name))
  end
  redis.call('SREM', key('keys'), L.tag)
  redis.call('SREM', key('active'), L.tag)
  L.busy, L.exists, L.dirty, L.blocked, L.mid = 0, false, false, false, false
  heads = {}
end

-- Deletes a request of the open line, whatever its state.
local function drop(e)
  if redis.call('ZREM', key('finished'), e.id) == 1 then
    redis.call('HINCRBY', key('store'), 'finished_bytes', -e.size)
  end
  redis.call('HINCRBY', key('store'), 'bytes', -e.size)
  redis.call('HDEL', key('owners'), e.id)
  redis.call('ZREM', at('requests'), e.id)
  redis.call('ZREM', at('deliveries'), e.id)
  redis.call('SREM', at('claimed'), e.id)
  strike_as('webhooks', e.id)
  if e.claimed_by then redis.call('SREM', claims(e.claimed_by), claim('webhook', e.id)) end
  if e.judged_by then redis.call('SREM', claims(e.judged_by), claim('judgement', e.id)) end
  redis.call('DEL', request_key(e.id))
  entries[e.id], changed[e.id] = nil, nil
  if redis.call('ZCARD', at('requests')) == 0 then forget_line() end
end

-- Deletes a finished request of any line.
local function evict(id)
  local here = L
  local tag = redis.call('HGET', key('owners'), id)
  if tag == here.tag then return drop(load(id)) end
  local kept = {entries, changed, heads}
  entries, changed, heads = {}, {}, {}
  L = {tag = tag}
  drop(load(id))
  L = here
  entries, changed, heads = kept[1], kept[2], kept[3]
end

-- Evicts finished requests, oldest first, until one more of this size fits.  Returns a reply if it does not.
local function make_room(size)
  local sums = redis.call('HMGET', key('store'), 'bytes', 'finished_bytes')
  local bytes, finished_bytes = tonumber(sums[1]) or 0, tonumber(sums[2]) or 0
  local count, finished = redis.call('HLEN', key('owners')), redis.call('ZCARD', key('finished'))
  if count - finished >= MAX_REQUESTS or bytes - finished_bytes + size > MAX_BYTES then
    return {'full', tostring(count - finished), text(bytes - finished_bytes)}
  end
  while count >= MAX_REQUESTS or bytes + size > MAX_BYTES do
    if not spend() then return AGAIN end
    evict(redis.call('ZRANGE', key('finished'), 0, 0)[1])
    count, bytes = count - 1, tonumber(redis.call('HGET', key('store'), 'bytes'))
  end
  return nil
end
