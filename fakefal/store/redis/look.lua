-- The state of requests: the steps that only read, after everything due is carried out.
--
-- Every reply is a list of texts whose first says what it is; an absent value is '', since a nil would end the list.
-- 'again' asks the caller to repeat the call with the same arguments: much was due, and the step itself was not done.
-- If requests started or ended, the reply is wrapped in one that lists them: {'moved', {id, state, ...}, reply}.

-- The line of a request: named by the caller, or looked up.
local function tag_of(id, tag)
  if tag ~= '' then return tag end
  return redis.call('HGET', key('owners'), id)
end

-- Opens the line of a request and brings it up to date.  Returns the request, or the reply if there is none.
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

-- Brings the line up to date after a change, and writes everything.  Returns '1' if more is due.
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

-- When the next event of the open line is due, its webhooks included, as text.
local function next_moment()
  local due = wakes_at()
  local webhook = head('webhooks')
  if webhook then due = math.min(due, webhook.moment) end
  return due < HUGE and text(due) or ''
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
  if still == '1' then -- unchanged: nothing is carried out
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

function STEPS.carry_out(tag)
  open(tag)
  if not L.exists then return {'due', '', ''} end
  local more = leave()
  return {'due', more, next_moment()}
end

-- The payments of a key minus the cost of its jobs that are over.
function STEPS.credit(tag)
  open(tag)
  if L.exists then
    if not catch_up() then close() return AGAIN end
    close()
  end
  local kept = redis.call('HMGET', key('credit'), tag, ALL_KEYS)
  return {'credit', string.format('%.0f', (tonumber(kept[1]) or 0) + (tonumber(kept[2]) or 0))}
end

-- A page of a line's requests, in order of arrival: those after `after`.
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
