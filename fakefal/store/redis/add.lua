-- A submit.

local function take_in(id, record, plan, facts)
  local e = {
    id = id, name = facts.name, order = redis.call('INCR', key('arrivals')), low = facts.low, webhook = facts.webhook,
    size = facts.size, plan = facts.plan, ready_at = L.moment + (facts.plan and facts.plan.wait or 0),
    credit = 0, reads = 0, shifts = {}
  }
  entries[id] = e
  count('accepted ' .. e.name)
  redis.call('HSET', key('owners'), id, L.tag)
  if not L.exists then redis.call('SADD', key('keys'), L.tag) end
  redis.call('ZADD', at('requests'), e.order, id)
  redis.call('HINCRBY', key('store'), 'bytes', e.size)
  if plan ~= '' then
    redis.call('HSET', request_key(id), 'record', record, 'plan', plan)
  else
    redis.call('HSET', request_key(id), 'record', record)
    e.judged_by = REPLICA
    redis.call('SADD', claims(REPLICA), claim('judgement', id))
  end
  if facts.start_seconds then e.start_by = L.moment + facts.start_seconds end
  touch(e)
  arrive(e)
  announced = true
  return e
end

-- A second call with the same id, made because the first reply was lost, adds nothing.
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
