-- What callers do to requests: one function a step, named as in fakefal/store/queue.py.
--
-- Every reply is a list of texts whose first says what it is; an absent value is '', since a nil would end the list.
-- 'again' asks to be called once more with the same arguments: much was due, and nothing of the step itself was done.
-- Where requests started or ended, the reply stands in one that says which: {'moved', {id, state, ...}, reply}.

local STEPS = {}
local AGAIN = {'again'}

-- The line that a request belongs to: named by the caller, or looked up.
local function tag_of(id, tag)
  if tag ~= '' then return tag end
  return redis.call('HGET', key('owners'), id)
end

-- Opens the line of a request and brings it up to date.  Returns the request, or the reply instead.
local function enter(id, tag)
  tag = tag_of(id, tag)
  if not tag then return nil, {'unknown'} end
  open(tag)
  if not load(id) then return nil, {'unknown'} end
  if not catch_up() then
    close()
    return nil, AGAIN
  end
  return load(id), nil
end

-- Brings the line up to date after a change, and writes everything down.  Returns '1' where more is due.
local function leave()
  local more = not catch_up()
  close()
  return more and '1' or ''
end

local function position(e)
  if e.extra or state(e) ~= 'IN_QUEUE' then return 0 end
  return redis.call('ZRANK', at('queued'), place(e))
end

local function optional(number) return number and text(number) or '' end

local function shown(e, known, more)
  local shifts = {}
  for _, one in ipairs(e.shifts) do table.insert(shifts, text(one[1]) .. ' ' .. text(one[2])) end
  local kept = known == '1' and {} or redis.call('HMGET', request_key(e.id), 'record', 'plan')
  return {'look', more, text(L.moment), tostring(e.order), optional(e.started), optional(e.ended), e.cut or '',
    table.concat(shifts, ' '), tostring(position(e)), e.erased and '1' or '', kept[1] or '', kept[2] or ''}
end

-- When something of the open line is due next, its webhooks included, as text.
local function next_moment()
  local due = wakes_at()
  local webhook = head('webhooks')
  if webhook then due = math.min(due, webhook.moment) end
  return due < HUGE and text(due) or ''
end

-- -- room -------------------------------------------------------------------------------------------

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

-- Drops a request of the open line, whatever its state.
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

-- Drops a finished request of whatever line.
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

-- Drops finished requests, oldest first, until one more of this size fits.  Returns a reply where it does not.
local function make_room(size)
  local sums = redis.call('HMGET', key('store'), 'bytes', 'finished_bytes')
  local bytes, finished_bytes = tonumber(sums[1]) or 0, tonumber(sums[2]) or 0
  local count, finished = redis.call('HLEN', key('owners')), redis.call('ZCARD', key('finished'))
  if count - finished >= MAX_REQUESTS or bytes - finished_bytes + size > MAX_BYTES then
    return {'full', tostring(count - finished), text(bytes - finished_bytes)}
  end
  while redis.call('HLEN', key('owners')) >= MAX_REQUESTS
    or tonumber(redis.call('HGET', key('store'), 'bytes') or 0) + size > MAX_BYTES do
    if not spend() then return AGAIN end
    evict(redis.call('ZRANGE', key('finished'), 0, 0)[1])
  end
  return nil
end

local function resize(e, size)
  redis.call('HINCRBY', key('store'), 'bytes', size - e.size)
  if redis.call('ZSCORE', key('finished'), e.id) then
    redis.call('HINCRBY', key('store'), 'finished_bytes', size - e.size)
  end
  e.size = size
end

-- -- steps ------------------------------------------------------------------------------------------

local function take_in(id, record, plan, facts)
  local e = {
    id = id, name = facts.name, order = redis.call('INCR', key('arrivals')), low = facts.low, webhook = facts.webhook, size = 0,
    plan = facts.plan, ready_at = L.moment + (facts.plan and facts.plan.wait or 0),
    credit = 0, reads = 0, shifts = {}
  }
  entries[id] = e
  count('accepted ' .. e.name)
  redis.call('HSET', key('owners'), id, L.tag)
  redis.call('SADD', key('keys'), L.tag)
  redis.call('ZADD', at('requests'), e.order, id)
  redis.call('HSET', request_key(id), 'record', record)
  if plan ~= '' then
    redis.call('HSET', request_key(id), 'plan', plan)
  else
    e.judged_by = REPLICA
    redis.call('SADD', claims(REPLICA), claim('judgement', id))
  end
  if facts.start_seconds then
    e.start_by = L.moment + facts.start_seconds
    note('start_by', e, e.start_by)
  end
  resize(e, facts.size)
  touch(e)
  if poll_driven(e) then set_aside(e) else enqueue(e) end
  announced = true
  return e
end

-- A second call with the same id, because the first answer was lost, takes nothing in.
function STEPS.add(id, tag, record, plan, facts)
  facts = cjson.decode(facts)
  open(tag)
  local e = load(id)
  local ready = catch_up()
  if not e then
    if not ready then close() return AGAIN end
    if facts.at_once and L.busy >= RUNNERS then close() return {'busy'} end
    if facts.most_waiting and waiting() > facts.most_waiting then close() return {'queue full'} end
    local reply = make_room(facts.size)
    if reply then close() return reply end
    e = take_in(id, record, plan, facts)
  end
  local reply = shown(e, '1', leave())
  table.insert(reply, next_moment())
  return reply
end

local function count_read(e)
  if not poll_driven(e) or e.ended then return end
  e.reads = e.reads + 1
  touch(e)
  local polls = e.plan.polls
  if e.reads > polls[1] and not e.started then
    dequeue(e)
    begin(e, L.moment)
    announced = true
  end
  if e.reads > polls[1] + polls[2] and e.plan.run < HUGE then
    finish(e, L.moment)
    announced = true
  end
end

function STEPS.look(id, tag, read, known, still)
  if still == '1' then -- as it was seen last: nothing is carried out
    tag = tag_of(id, tag)
    if not tag then return {'unknown'} end
    open(tag)
    local e = load(id)
    if not e then return {'unknown'} end
    return shown(e, known, '')
  end
  local e, reply = enter(id, tag)
  if not e then return reply end
  if read == '1' then count_read(e) end
  local more = leave()
  return shown(e, known, more)
end

function STEPS.settle(id, plan, facts, size)
  local e, reply = enter(id, '')
  if not e then return reply end
  local before = e.plan
  local first = not before or before.run == HUGE
  if first then
    e.plan = cjson.decode(facts)
    local wait = e.plan.wait
    redis.call('HSET', request_key(id), 'plan', plan)
    if e.plan.run < HUGE then
      redis.call('SREM', claims(e.judged_by), claim('judgement', id))
      e.judged_by = nil
    end
    resize(e, e.size - (e.planned or 0) + tonumber(size))
    e.planned = tonumber(size)
    touch(e)
    if before then
      if state(e) == 'IN_PROGRESS' then shift(e, 0, L.now) end
    elseif state(e) == 'IN_QUEUE' then
      if poll_driven(e) then
        dequeue(e)
        set_aside(e)
        if e.start_by then note('start_by', e, e.start_by) end
      elseif wait ~= 0 then
        e.ready_at = e.ready_at + wait
        if e.ready_at > L.now then
          strike('ready', e)
          note('unready', e, e.ready_at)
        end
      end
    end
    announced = true
  end
  return {'settled', leave(), first and '1' or ''}
end

local function refused(e, move)
  close()
  return {'refused', state(e), move}
end

local function start(e)
  if not can(e, 'start') then return refused(e, 'start') end
  if not e.plan then close() return {'unjudged'} end
  dequeue(e)
  e.extra = true
  begin(e, L.moment)
end

function STEPS.cancel(id)
  local e, reply = enter(id, '')
  if not e then return reply end
  local was = state(e)
  if not can(e, 'cancel') then return refused(e, 'cancel') end
  finish(e, L.moment, 'cancelled')
  announced = true
  return {'was', leave(), was}
end

local function hasten(e, seconds)
  if not can(e, 'advance') then return refused(e, 'advance') end
  if e.started then
    shift(e, seconds, L.moment)
    return
  end
  local used = math.min(seconds, math.max(0, e.ready_at - L.moment))
  e.credit = e.credit + seconds - used
  touch(e)
  if used > 0 then
    e.ready_at = e.ready_at - used
    if not e.extra then note('unready', e, e.ready_at) end
  end
end

local function to_its_end(e)
  if e.plan and e.plan.run == HUGE and not e.ended then close() return {'unjudged'} end
  if not e.started and not e.ended then
    local reply = start(e)
    if reply then return reply end
  end
  if not can(e, 'finish') then return refused(e, 'finish') end
  local planned = end_of(e)
  shift(e, math.max(0, planned - L.moment), L.moment)
  finish(e, L.moment)
end

function STEPS.advance(id, how)
  local e, reply = enter(id, '')
  if not e then return reply end
  if how == 'start' then
    reply = start(e)
  elseif how == 'end' then
    reply = to_its_end(e)
  else
    reply = hasten(e, tonumber(how))
  end
  if reply then return reply end
  announced = true
  local more = leave()
  return shown(e, '', more)
end

function STEPS.erase(id)
  local e, reply = enter(id, '')
  if not e then return reply end
  if not e.ended then return refused(e, 'be erased') end
  e.erased = true
  touch(e)
  local more = leave()
  return shown(e, '', more)
end

function STEPS.carry_out(tag)
  open(tag)
  if not L.exists then return {'due', '', ''} end
  local more = leave()
  return {'due', more, next_moment()}
end

-- What was paid in for a key, less what its jobs that are over cost.
function STEPS.credit(tag)
  open(tag)
  if L.exists then
    if not catch_up() then close() return AGAIN end
    close()
  end
  local kept = redis.call('HMGET', key('credit'), tag, ALL_KEYS)
  return {'credit', string.format('%.0f', (tonumber(kept[1]) or 0) + (tonumber(kept[2]) or 0))}
end

function STEPS.pay(tag, nanos)
  pay(tag, nanos)
  return {'paid'}
end

function STEPS.forget_credit(tag)
  if tag == ALL_KEYS then redis.call('DEL', key('credit')) else redis.call('HDEL', key('credit'), tag) end
  return {'forgotten'}
end

-- A page of a line's requests, in the order of arrival: those behind `after`.
function STEPS.page(tag, after, count)
  open(tag)
  if not catch_up() then close() return AGAIN end
  close()
  local reply = {'page'}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', at('requests'), '(' .. after, '+inf', 'LIMIT', 0, count)) do
    table.insert(reply, shown(load(id), '', ''))
  end
  return reply
end

-- Forgets the requests of a line that arrived by `last`, a bounded number of them.
function STEPS.forget(tag, last)
  open(tag)
  local gone = 0
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', at('requests'), '-inf', last, 'LIMIT', 0, EVENTS)) do
    local e = load(id)
    if strike('running', e) and not e.extra or strike('releases', e) then L.busy = L.busy - 1 end
    dequeue(e)
    drop(e)
    gone = gone + 1
  end
  announced = true
  if L.exists then leave() else close() end
  return {'forgotten', gone == EVENTS and '1' or '', tostring(gone)}
end

-- Whether Redis can write now.
function STEPS.check()
  redis.call('HSET', key('store'), 'checked', '1')
  return {'able'}
end

function STEPS.arrivals() return {'arrivals', redis.call('GET', key('arrivals')) or '0'} end

function STEPS.keys()
  local reply = redis.call('SMEMBERS', key('keys'))
  table.insert(reply, 1, 'keys')
  return reply
end
