-- Returns the number of unfinished tasks and the id of the oldest.
-- KEYS: active list, scheduled set, workers. ARGV: prefix of the sets of tasks in hand.
local count, oldest = 0, false
local function count_ids(ids)
    for _, id in ipairs(ids) do
        count = count + 1
        if not oldest or id < oldest then oldest = id end
    end
end
count_ids(redis.call('LRANGE', KEYS[1], 0, -1))
count_ids(redis.call('ZRANGE', KEYS[2], 0, -1))
for _, worker in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    count_ids(redis.call('SMEMBERS', ARGV[1] .. ':' .. worker))
end
return { count, oldest }
