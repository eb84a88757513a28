-- How wrk carries out the `plan` that tools/bench/load.py writes above this text.
-- plan.steps are the calls of one job: each answer is checked, then the job's next call follows.

local steps, ids = plan.steps, plan.ids
local started = 0
local follow_ups, first, last = {}, 1, 0
local position = {} -- by request id: the step of its next answer

-- globals, because in wrk done() can read nothing else
right, wrong, closed, jobs, example = 0, 0, 0, 0, ""

local function call(step, id)
  local body = step.body_start and step.body_start .. plan.series .. string.format(" %09d", started) .. step.body_end
  return wrk.format(step.method, step.path_start .. id .. step.path_end, step.headers, body)
end

function request()
  if first <= last then
    local following = follow_ups[first]
    follow_ups[first] = nil
    first = first + 1
    return following
  end
  started = started + 1
  return call(steps[1], steps[1].body_start and "" or ids[started % #ids + 1])
end

-- A server ends a connection by a header, or by an answer without a stated length.
local function closes(headers)
  local has_length = false
  for name, value in pairs(headers) do
    name = name:lower()
    if name == "connection" and value:lower():find("close", 1, true) then return true end
    has_length = has_length or name == "content-length" or name == "transfer-encoding"
  end
  return not has_length
end

local function is_right(step, status, body)
  if status ~= step.status or #body < step.least_bytes or #body > step.most_bytes then return false end
  for _, text in ipairs(step.texts) do
    if not body:find(text, 1, true) then return false end
  end
  return true
end

function response(status, headers, body)
  local id = #steps > 1 and (headers["x-fal-request-id"] or body:match('"request_id":"([^"]+)"')) or ""
  local here = position[id] or 1
  if closes(headers) then closed = closed + 1 end
  if not is_right(steps[here], status, body) then
    wrong = wrong + 1
    if example == "" then example = (status .. " " .. body:sub(1, 300)):gsub("%c", " ") end
    return
  end
  right = right + 1
  if here < #steps then
    position[id] = here + 1
    last = last + 1
    follow_ups[last] = call(steps[here + 1], id)
  else
    position[id] = nil
    jobs = jobs + 1
  end
end

local threads = {}
function setup(thread) table.insert(threads, thread) end

function done(summary)
  local count = { microseconds = summary.duration, timeouts = summary.errors.timeout }
  -- wrk reconnects after each of these
  count.reopened = summary.errors.connect + summary.errors.read + summary.errors.write
  for _, name in ipairs({ "right", "wrong", "closed", "jobs" }) do
    count[name] = 0
    for _, thread in ipairs(threads) do count[name] = count[name] + thread:get(name) end
  end
  for name, value in pairs(count) do io.write(string.format("counted %s %d\n", name, value)) end
  io.write("example ", threads[1]:get("example"), "\n")
end
