-- The line of a key: the arithmetic of fakefal/core/line.py on sorted sets.  A property test compares both.
--
-- A `place` is the order of arrival in hex, followed by the id: equal scores are sorted in order of arrival.

local HUGE = math.huge
local ORDER_DIGITS = 14

local L -- the line of this step
local entries, changed = {}, {}
local heads = {}
local budget = EVENTS
local announced = false

local function at(name) return PREFIX .. ':{' .. L.tag .. '}:' .. name end
local function request_key(id) return at('request:' .. id) end
local function place(e) return string.format('%0' .. ORDER_DIGITS .. 'x', e.order) .. e.id end
local function id_of(member) return string.sub(member, ORDER_DIGITS + 1) end

-- Opens the line of a key; `moment` is the key's emulated time, which is never before a moment seen earlier.
local function open(tag)
  L = {tag = tag}
  entries, changed, heads = {}, {}, {}
  local stored = redis.call('HMGET', at('line'), 'now', 'seen', 'busy', 'wake', 'blocked', 'mid')
  L.exists = stored[1] and true or false
  L.now = tonumber(stored[1]) or -HUGE
  L.busy = tonumber(stored[3]) or 0
  L.wake = tonumber(stored[4]) or HUGE
  L.blocked, L.mid = stored[5] == '1', stored[6] == '1'
  L.moment = math.max(L.now, tonumber(stored[2]) or -HUGE, moment_of_key(tag))
end

local function load(id)
  local e = entries[id]
  if e == nil then
    local packed = redis.call('HGET', request_key(id), 'entry')
    e = packed and cmsgpack.unpack(packed) or false
    if e then e.id = id end
    entries[id] = e
  end
  return e
end

local function touch(e)
  changed[e.id] = e
  L.dirty = true
end

-- -- notes: who is due when -------------------------------------------------------------------------

local function head(name)
  if heads[name] == nil then
    local found = redis.call('ZRANGE', at(name), 0, 0, 'WITHSCORES')
    heads[name] = found[1] and {member = found[1], moment = tonumber(found[2])} or false
  end
  return heads[name]
end

local function note_as(name, member, score)
  redis.call('ZADD', at(name), text(score), member)
  local first = heads[name]
  if first and first.member ~= member and first.moment < score then
    -- the first stays the first
  elseif first == false then
    heads[name] = {member = member, moment = score}
  else
    heads[name] = nil
  end
  L.dirty = true
end

local function strike_as(name, member)
  local first = heads[name]
  if first == false or redis.call('ZREM', at(name), member) == 0 then return false end
  if first and first.member == member then heads[name] = nil end
  L.dirty = true
  return true
end

local function note(name, e, score) note_as(name, place(e), score) end
local function strike(name, e) return strike_as(name, place(e)) end

local function next_due()
  local due = HUGE
  for _, name in ipairs({'unready', 'running', 'start_by', 'releases'}) do
    local first = head(name)
    if first and first.moment < due then due = first.moment end
  end
  return due
end

local function spend()
  budget = budget - 1
  return budget >= 0
end

-- -- one request ------------------------------------------------------------------------------------

local function state(e)
  if e.ended then return 'COMPLETED' end
  return e.started and 'IN_PROGRESS' or 'IN_QUEUE'
end

local function can(e, move) return NEXT[state(e)] ~= nil and NEXT[state(e)][move] end
local function rank(e) return e.low and 1 or 0 end
local function poll_driven(e) return e.plan ~= nil and e.plan.polls ~= nil end
local function waiting() return redis.call('ZCARD', at('queued')) + redis.call('SCARD', at('aside')) end

local function moment_of(e, offset)
  local moment = e.started + offset
  for _, shift in ipairs(e.shifts) do
    if moment > shift[1] then moment = math.max(shift[1], moment - shift[2]) end
  end
  return moment
end

-- When a run ends: as planned, or cut short if a further attempt would begin too late.
local function end_of(e)
  if e.start_by then
    for _, offset in ipairs(e.plan.retries) do
      local moment = moment_of(e, offset)
      if moment > e.start_by then return moment, 'timed out' end
    end
  end
  return moment_of(e, e.plan.run), nil
end

local function shift(e, seconds, now)
  if seconds ~= 0 then table.insert(e.shifts, {now, seconds}) end
  if not poll_driven(e) then
    local moment = end_of(e)
    note('running', e, moment)
  end
  touch(e)
end

local function enqueue(e)
  note('queued', e, rank(e))
  note('unready', e, e.ready_at)
  if e.start_by then note('start_by', e, e.start_by) end
end

local function set_aside(e)
  e.extra = true
  redis.call('SADD', at('aside'), e.id)
  if e.start_by then note('start_by', e, e.start_by) end
  touch(e)
end

local function dequeue(e)
  strike('queued', e)
  if not strike('ready', e) then strike('unready', e) end
  if e.start_by then strike('start_by', e) end
  if e.extra then redis.call('SREM', at('aside'), e.id) end
end

local function note_move(e, to)
  table.insert(moved, e.id)
  table.insert(moved, to)
end

local function begin(e, now)
  e.started = now
  note_move(e, 'IN_PROGRESS')
  shift(e, e.credit, now)
end

-- The request has no pending notifications any more, so it may be evicted.
local function may_be_dropped(e)
  local order = redis.call('INCR', key('arrivals'))
  if redis.call('ZADD', key('finished'), 'NX', order, e.id) == 1 then
    redis.call('HINCRBY', key('store'), 'finished_bytes', e.size)
  end
end

local function make_delivery(e)
  e.fate, e.tries, e.due = 'pending', 0, e.ended
  redis.call('ZADD', at('deliveries'), redis.call('INCR', key('arrivals')), e.id)
  if e.plan and e.plan.lost then
    e.fate, e.tries = 'failed', 1
    redis.call('HSET', request_key(e.id), 'attempts', '[[' .. text(e.ended) .. ',null,"lost by effect"]]')
    may_be_dropped(e)
  else
    note_as('webhooks', e.id, e.due)
  end
end

-- Records an end.
local function over(e, now, cut)
  e.ended, e.cut = now, cut
  note_move(e, 'COMPLETED')
  touch(e)
  local status = cut and CUT[cut] or e.plan.status
  count('ended ' .. e.name .. ' ' .. status)
  if e.plan and e.plan.nanos and not cut then
    count('nanos ' .. e.name, e.plan.nanos)
    pay(L.tag, '-' .. e.plan.nanos)
  end
  if e.webhook then make_delivery(e) else may_be_dropped(e) end
end

local function finish(e, now, cut)
  if not e.started then
    dequeue(e)
  else
    strike('running', e)
    if not e.extra then note('releases', e, now) end
  end
  over(e, now, cut)
end

-- -- advancing --------------------------------------------------------------------------------------

-- Adds a new request to a line that is up to date.  A request that can start and end at once is added to no index.
local function arrive(e)
  if poll_driven(e) then return set_aside(e) end
  if not e.plan or e.ready_at > L.now or L.blocked or L.busy >= RUNNERS then return enqueue(e) end
  e.started = L.now
  note_move(e, 'IN_PROGRESS')
  local moment, cut = end_of(e)
  if moment <= L.now then return over(e, moment, cut) end
  L.busy = L.busy + 1
  note('running', e, moment)
end

-- Gives free runners to ready requests; returns whether the next request lacks its judgement.
local function start_ready()
  while L.busy < RUNNERS do
    local first = head('ready')
    if not first then return false end
    local e = load(id_of(first.member))
    if not e.plan then return true end
    dequeue(e)
    L.busy = L.busy + 1
    begin(e, L.now)
  end
  return false
end

local function end_runs(due)
  while true do
    local first = head('running')
    if not first or first.moment > due then return true end
    if not spend() then return false end
    local e = load(id_of(first.member))
    local _, cut = end_of(e)
    finish(e, first.moment, cut)
  end
end

-- Does everything that is due at a moment: ends first, so that their runners are free.
local function carry_out(due)
  if not end_runs(due) then return false end
  while head('releases') and head('releases').moment <= due do
    if not spend() then return false end
    strike_as('releases', head('releases').member)
    L.busy = L.busy - 1
  end
  while head('unready') and head('unready').moment <= due do
    if not spend() then return false end
    local e = load(id_of(head('unready').member))
    strike('unready', e)
    note('ready', e, rank(e))
  end
  return true
end

local function time_out(due)
  while head('start_by') and head('start_by').moment <= due do
    if not spend() then return false end
    local first = head('start_by')
    finish(load(id_of(first.member)), first.moment, 'timed out')
  end
  return true
end

-- Carries out what is due by `now`.  False means that more is due than one call carries out.
local function advance_by(now)
  L.blocked = not L.mid and start_ready()
  L.mid = false
  while not L.blocked do
    local due = next_due()
    if due > now then break end
    L.now = math.max(L.now, due)
    if not carry_out(due) then
      L.mid = true -- half of the moment is done: nothing starts before the rest is
      return false
    end
    L.blocked = start_ready()
    if not L.blocked and not time_out(due) then return false end
  end
  if L.blocked then return end_runs(now) end
  L.now = math.max(L.now, now)
  return true
end

-- Brings the line to its moment.  False means that the caller must call again.
local function catch_up()
  if not L.dirty and not L.mid and L.moment < L.wake then
    if not L.blocked then L.now = math.max(L.now, L.moment) end
    return true
  end
  local blocked = L.blocked
  if L.wake == -HUGE then L.dirty = true end
  L.caught_up = advance_by(L.moment)
  if L.blocked ~= blocked then L.dirty = true end
  return L.caught_up
end

-- -- the end of a step ------------------------------------------------------------------------------

local function wakes_at()
  if L.caught_up == false then return -HUGE end
  if not L.blocked then return next_due() end
  return head('running') and head('running').moment or HUGE
end

local function mark_active()
  if L.wake < HUGE or head('webhooks') then
    redis.call('SADD', key('active'), L.tag)
  else
    redis.call('SREM', key('active'), L.tag)
  end
end

-- Writes the changes.  That a moment was seen need not outlive Redis, so it goes to no file.
local function close()
  if L.dirty or L.mid then
    for id, e in pairs(changed) do
      e.id = nil
      redis.call('HSET', request_key(id), 'entry', cmsgpack.pack(e))
      e.id = id
    end
    L.wake = wakes_at()
    redis.call('HSET', at('line'), 'now', text(L.now), 'seen', text(L.moment), 'busy', L.busy,
      'wake', text(L.wake), 'blocked', L.blocked and '1' or '0', 'mid', L.mid and '1' or '0')
    mark_active()
    changed, L.dirty = {}, false
  elseif L.exists then
    redis.set_repl(redis.REPL_NONE)
    redis.call('HSET', at('line'), 'seen', text(L.moment))
    redis.set_repl(redis.REPL_ALL)
  end
  if announced then redis.call('PUBLISH', key('changed'), REPLICA .. ' ' .. L.tag) end
end
