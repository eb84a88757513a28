-- What all other files use: names of Redis keys, numbers as text, clocks, counts.
--
-- A step is one script, so that it is atomic: the step's file, preceded by the files that it needs.  `NEEDS` in
-- fakefal/store/redis/scripts.py lists these.  Each call creates all functions of its script, which takes a third of a
-- microsecond for each, so a frequent step needs few files.  That module also prepends the names in capitals that no
-- file defines.

local STEPS = {}
local AGAIN = {'again'}
local moved = {} -- ids, each followed by its new state

local function text(number) return string.format('%.17g', number) end
local function key(name) return PREFIX .. ':' .. name end

-- Real time is Redis's own, unless a test brings one.
local function real_time()
  if GIVEN_TIME ~= '' then return tonumber(GIVEN_TIME) end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local function read_pace(packed)
  if not packed then return {since = 0, shown = 0, speed = 1} end
  local since, shown, speed = string.match(packed, '(%S+) (%S+) (%S+)')
  return {since = tonumber(since), shown = tonumber(shown), speed = tonumber(speed)}
end

local function pace_at(pace, followed)
  return pace.shown + math.max(0, followed - pace.since) * pace.speed
end

-- The emulated time of a key.
local function moment_of_key(tag)
  local paces = redis.call('HMGET', key('clock'), ALL_KEYS, tag)
  return math.min(END_OF_TIME, pace_at(read_pace(paces[2]), pace_at(read_pace(paces[1]), real_time())))
end

-- Whole nano-dollars of a key, or of ALL_KEYS: exact, unlike sums of numbers.
local function pay(tag, nanos) redis.call('HINCRBY', key('credit'), tag, nanos) end

-- Counts for the metrics, which stay whatever is evicted or reset.
local function count(what, by) redis.call('HINCRBY', key('counts'), what, by or 1) end
