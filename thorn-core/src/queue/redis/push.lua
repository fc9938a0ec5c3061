-- Adds tasks that are to run now. apalis's own script would put them among the scheduled ones.
-- KEYS: texts, active list. ARGV: prefix of metadata, most attempts; then id and text of each.
for i = 3, #ARGV, 2 do
    if redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) == 1 then
        redis.call('HSET', ARGV[1] .. ':' .. ARGV[i], 'attempts', 0, 'max_attempts', ARGV[2], 'status', 'Pending')
        redis.call('RPUSH', KEYS[2], ARGV[i])
    end
end
return redis.status_reply('OK')
