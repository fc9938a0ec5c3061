-- Acknowledges the finished tasks of some workers, and returns their other tasks to the active list.
-- KEYS: active list, workers, done set.
-- ARGV: prefix of the sets of tasks in hand, prefix of workers' metadata, number of workers; then
-- the workers' names, then the finished ids.
local names = tonumber(ARGV[3])
for n = 1, names do
    local worker = ARGV[3 + n]
    local in_hand = ARGV[1] .. ':' .. worker
    for i = 4 + names, #ARGV do
        if redis.call('SREM', in_hand, ARGV[i]) == 1 then
            redis.call('SADD', KEYS[3], ARGV[i])
        end
    end
    for _, id in ipairs(redis.call('SMEMBERS', in_hand)) do
        redis.call('RPUSH', KEYS[1], id)
    end
    redis.call('DEL', in_hand, ARGV[2] .. ':' .. worker)
    redis.call('ZREM', KEYS[2], worker)
end
return redis.status_reply('OK')
