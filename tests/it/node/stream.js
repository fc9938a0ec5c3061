// Reads the stream at the URL in its second argument with the client in its first one, comes back whenever it ends, and
// prints each event as one line of JSON. The third argument is the key. Events of the stream itself, which have names
// of their own, aren't printed.

const [client, url, key] = process.argv.slice(2);
const authorization = `Bearer ${key}`;
const show = (id, data) => console.log(JSON.stringify({ id, data: JSON.parse(data) }));

if (client === 'eventsource') {
    const { EventSource } = require('eventsource');
    const withKey = (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization } });
    // It comes back by itself, with the last id.
    new EventSource(url, { fetch: withKey }).onmessage = ({ lastEventId, data }) => show(lastEventId, data);
} else if (client === 'eventsource-client') {
    const { createEventSource } = require('eventsource-client');
    // So does this one. It hears events with names, too.
    const onMessage = ({ id, event, data }) => event?.startsWith('thorn.') || show(id, data);
    createEventSource({ url, headers: { authorization }, onMessage });
} else {
    const http = require('node:http');
    const ndjson = require('ndjson');
    let last;
    const again = () => setTimeout(read, 200);
    const read = () => {
        const from = last ? url.replace('after=earliest', `after=${last}`) : url;
        const request = http.get(from, { headers: { authorization } }, response => {
            response.on('error', () => {}).on('close', again);
            response.pipe(ndjson.parse()).on('data', record => {
                if (record.control) return;
                last = record.cursor;
                show(last, JSON.stringify(record));
            });
        });
        request.on('error', error => error.code === 'ECONNREFUSED' && again());
    };
    read();
}
