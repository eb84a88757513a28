-- Hashes with a bounded number of items; the oldest are deleted first.

-- Deletes the oldest items of a hash above this number.
local function trim(name, most)
  local order = key(name .. ':order')
  local over = redis.call('ZCARD', order) - tonumber(most)
  if over > 0 then
    for _, oldest in ipairs(redis.call('ZRANGE', order, 0, over - 1)) do redis.call('HDEL', key(name), oldest) end
    redis.call('ZREMRANGEBYRANK', order, 0, over - 1)
  end
end

-- Adds an item to a hash with a bounded number of items.
local function remember(name, most, field, value)
  redis.call('ZADD', key(name .. ':order'), redis.call('INCR', key('arrivals')), field)
  redis.call('HSET', key(name), field, value)
  trim(name, most)
end

local function forget_one(name, field)
  redis.call('HDEL', key(name), field)
  redis.call('ZREM', key(name .. ':order'), field)
end

local function forget_all(name) redis.call('DEL', key(name), key(name .. ':order')) end
