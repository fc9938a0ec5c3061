-- Deletes finished tasks, which apalis keeps for ever, and ids without a text, each of which would end
-- apalis's worker.
-- KEYS: active list, scheduled set, workers, texts, done set, dead set.
-- ARGV: prefix of the sets of tasks in hand, prefix of metadata, prefix of workers' metadata, seconds
-- after which the metadata of a dead worker expires.
local unfinished = {}
local function check(key, ids, command)
    for _, id in ipairs(ids) do
        if redis.call('HEXISTS', KEYS[4], id) == 1 then
            unfinished[id] = true
        elseif command == 'LREM' then
            redis.call('LREM', key, 0, id)
        else
            redis.call(command, key, id)
        end
    end
end
check(KEYS[1], redis.call('LRANGE', KEYS[1], 0, -1), 'LREM')
check(KEYS[2], redis.call('ZRANGE', KEYS[2], 0, -1), 'ZREM')
for _, worker in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    local in_hand = ARGV[1] .. ':' .. worker
    check(in_hand, redis.call('SMEMBERS', in_hand), 'SREM')
    redis.call('EXPIRE', ARGV[3] .. ':' .. worker, ARGV[4])
end
for _, id in ipairs(redis.call('HKEYS', KEYS[4])) do
    if not unfinished[id] then
        redis.call('HDEL', KEYS[4], id)
        redis.call('DEL', ARGV[2] .. ':' .. id)
    end
end
redis.call('DEL', KEYS[5], KEYS[6])
return redis.status_reply('OK')
