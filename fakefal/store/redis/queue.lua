-- The callers' operations on requests: one function for each step, named as in fakefal/state/queue.py.

local function resize(e, size)
  redis.call('HINCRBY', key('store'), 'bytes', size - e.size)
  if redis.call('ZSCORE', key('finished'), e.id) then
    redis.call('HINCRBY', key('store'), 'finished_bytes', size - e.size)
  end
  e.size = size
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

function STEPS.pay(tag, nanos)
  pay(tag, nanos)
  return {'paid'}
end

function STEPS.forget_credit(tag)
  if tag == ALL_KEYS then redis.call('DEL', key('credit')) else redis.call('HDEL', key('credit'), tag) end
  return {'forgotten'}
end

-- Deletes the requests of a line that arrived by `last`, a bounded number of them.
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
