-- Adds tasks to the active list. apalis's own script would add them to the scheduled tasks.
-- KEYS: texts, active list. ARGV: prefix of metadata, most attempts; then each task's id and text.
for i = 3, #ARGV, 2 do
    if redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) == 1 then
        redis.call('HSET', ARGV[1] .. ':' .. ARGV[i], 'attempts', 0, 'max_attempts', ARGV[2], 'status', 'Pending')
        redis.call('RPUSH', KEYS[2], ARGV[i])
    end
end
return redis.status_reply('OK')
