-- How many tasks are unfinished, and the id of the oldest.
-- KEYS: active list, scheduled set, workers. ARGV: prefix of what a worker has in hand.
local count, oldest = 0, false
local function look(ids)
    for _, id in ipairs(ids) do
        count = count + 1
        if not oldest or id < oldest then oldest = id end
    end
end
look(redis.call('LRANGE', KEYS[1], 0, -1))
look(redis.call('ZRANGE', KEYS[2], 0, -1))
for _, worker in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    look(redis.call('SMEMBERS', ARGV[1] .. ':' .. worker))
end
return { count, oldest }
