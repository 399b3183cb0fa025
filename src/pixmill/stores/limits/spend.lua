-- Adds the cost to all windows if it fits into every one of them, else to none. Less than nothing is
-- given back, to windows that are aligned.
--
-- KEYS: one for each window. ARGV: the time in milliseconds since 1970, or nothing for this
-- server's, so that the clocks of those who ask need not agree; the cost; then of each window its
-- limit, its length in milliseconds, and 1 when it is aligned.
-- Returns whether it fitted, and of each window how much is used and when there is more room.

local now, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local windows, fits = {}, true
for i, key in ipairs(KEYS) do
  local window = {
    key = key,
    limit = tonumber(ARGV[3 * i]),
    length = tonumber(ARGV[3 * i + 1]),
    aligned = ARGV[3 * i + 2] == '1',
  }
  if window.aligned then
    window.start = string.format('%.0f', now - now % window.length)
    local counted = redis.call('HMGET', key, 'start', 'used')
    window.used = counted[1] == window.start and tonumber(counted[2]) or 0
  else
    local oldest = tonumber(redis.call('LINDEX', key, 0))
    while oldest and oldest <= now - window.length do
      redis.call('LPOP', key)
      oldest = tonumber(redis.call('LINDEX', key, 0))
    end
    local newest = tonumber(redis.call('LINDEX', key, -1))
    while newest and newest > now do -- the clock was set back
      redis.call('RPOP', key)
      newest = tonumber(redis.call('LINDEX', key, -1))
    end
    window.used = redis.call('LLEN', key)
  end
  fits = fits and window.used + cost <= window.limit
  windows[i] = window
end

local answer = { fits and 1 or 0 }
for _, window in ipairs(windows) do
  local key, rest = window.key, window.length - now % window.length
  if fits and cost ~= 0 then
    window.used = math.max(0, window.used + cost)
    if window.aligned then
      redis.call('HSET', key, 'start', window.start, 'used', window.used)
      redis.call('PEXPIRE', key, rest)
    else
      for _ = 1, cost do
        redis.call('RPUSH', key, string.format('%.0f', now))
      end
      redis.call('PEXPIRE', key, window.length)
    end
  end
  local reset
  if window.used == 0 and window.limit > 0 then
    reset = 0
  elseif window.aligned then
    reset = rest
  elseif window.used == 0 or window.limit == 0 then
    reset = window.length
  else
    local first = math.max(0, window.used - window.limit)
    reset = redis.call('LINDEX', key, first) + window.length - now
  end
  table.insert(answer, window.used)
  table.insert(answer, reset)
end
return answer
