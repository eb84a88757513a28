-- The state that replicas share about files and their readers, and about calls that must not happen twice.
--
-- A file is stored under a digest of its path; its owner is the tag of a key.  Uploads are in `files`.  Generated files
-- that were restricted or removed are in `made`, so that they do not evict the facts about an upload.

local SECONDS, ACL = 'expiration_duration_seconds', 'initial_acl'

-- The facts about a file, and whether it is an upload.
local function file_at(digest)
  local uploaded = redis.call('HGET', key('files'), digest)
  local packed = uploaded or redis.call('HGET', key('made'), digest)
  return packed and cmsgpack.unpack(packed), uploaded and true
end

local function is_gone(file)
  return file.removed ~= nil or file.expires ~= nil and moment_of_key(file.owner) >= file.expires
end

-- One text with '1' for each of these files that is gone, otherwise '0'.
local function gone(digests)
  local marks = {}
  for _, digest in ipairs(digests) do
    local file = file_at(digest)
    table.insert(marks, file and is_gone(file) and '1' or '0')
  end
  return table.concat(marks)
end

local function settings(tag)
  local packed = redis.call('HGET', key('settings'), tag)
  return packed and cmsgpack.unpack(packed) or {}
end

function STEPS.settings(tag, ...)
  local kept, changes = settings(tag), {...}
  for index = 1, #changes, 2 do kept[changes[index]] = changes[index + 1] end
  if #changes > 0 then remember('settings', MAX_KEYS, tag, cmsgpack.pack(kept)) end
  return {'settings', kept[SECONDS] or '', kept[ACL] or ''}
end

-- A file arrived.  Facts from an earlier, repeated call still hold.
function STEPS.uploaded(digest, tag, most, seconds, acl)
  if redis.call('HEXISTS', key('files'), digest) == 1 then return {'kept'} end
  local usual = settings(tag)
  local lives = tonumber(seconds) or tonumber(usual[SECONDS])
  if acl == '' and usual[ACL] ~= 'null' then acl = usual[ACL] end
  local file = {owner = tag, acl = acl, expires = lives and moment_of_key(tag) + lives}
  remember('files', most, digest, cmsgpack.pack(file))
  return {'kept'}
end

function STEPS.file(digest)
  local file = file_at(digest)
  if not file then return {'file'} end
  return {'file', file.owner, file.acl or '', is_gone(file) and '1' or ''}
end

function STEPS.gone(...) return {'gone', gone({...})} end

-- Changes one fact about a file for its owner; a file without an owner gets this one.
function STEPS.change_file(digest, tag, most, name, value)
  local file, uploaded = file_at(digest)
  file = file or {owner = tag}
  if file.owner ~= tag then return {'not yours'} end
  file[name] = value
  if uploaded then
    redis.call('HSET', key('files'), digest, cmsgpack.pack(file))
  else
    remember('made', most, digest, cmsgpack.pack(file))
  end
  return {'changed'}
end

function STEPS.forget_files(tag)
  if tag == ALL_KEYS then
    forget_all('files')
    forget_all('made')
    forget_all('settings')
  else
    forget_one('settings', tag)
  end
  return {'forgotten'}
end

-- Counts a call of a key; returns its number for the key, the added rules, and which of these files are gone.
function STEPS.arrive(tag, ...)
  local number = string.format('%d', (redis.call('HGET', key('calls'), tag) or 0) + 1)
  remember('calls', MAX_KEYS, tag, number)
  return {'arrived', number, redis.call('GET', key('rules')) or '', gone({...})}
end

-- Whether nobody made this call in this number of seconds.  `attempt` identifies the caller, in case a reply is lost.
function STEPS.once(tag, call, attempt, seconds, most)
  call = tag .. ' ' .. call
  local now, before = moment_of_key(tag), redis.call('HGET', key('once'), call)
  if before then
    local moment, by = string.match(before, '(%S+) (%S+)')
    if by == attempt then return {'first'} end
    if now - tonumber(moment) < tonumber(seconds) then return {'repeated'} end
  end
  remember('once', most, call, text(now) .. ' ' .. attempt)
  return {'first'}
end

function STEPS.forget_once(tag)
  if tag == ALL_KEYS then
    forget_all('once')
  else
    for _, call in ipairs(redis.call('HKEYS', key('once'))) do
      if string.sub(call, 1, #tag + 1) == tag .. ' ' then
        forget_one('once', call)
      end
    end
  end
  return {'forgotten'}
end
