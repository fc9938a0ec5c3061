-- Acknowledges what workers have finished, and puts the rest of what they have in hand back.
-- KEYS: active list, workers, done set.
-- ARGV: prefix of what a worker has in hand, prefix of workers' metadata, number of workers; then
-- their names, then the finished ids.
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
