// A subscriber of the hub with `pubsubhubbub`, which speaks PubSubHubbub 0.4. It subscribes to the topic in its first
// argument at the hub in its second one, tells on each line what happens, and unsubscribes when it reads a line.

const net = require('net');
const { createServer } = require('pubsubhubbub');

const [topic, hub] = process.argv.slice(2);
const tell = event => console.log(JSON.stringify(event));

const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => {
        const subscriber = createServer({ callbackUrl: `http://127.0.0.1:${port}/` });
        const refused = error => error && process.exit(1);
        subscriber.on('subscribe', () => tell({ verified: 'subscribe' }));
        subscriber.on('unsubscribe', () => tell({ verified: 'unsubscribe' }));
        subscriber.on('denied', () => tell({ denied: true }));
        subscriber.on('feed', ({ feed }) => tell({ notified: feed.toString() }));
        subscriber.on('listen', () => subscriber.subscribe(topic, hub, refused));
        process.stdin.once('data', () => subscriber.unsubscribe(topic, hub, refused));
        subscriber.listen(port, '127.0.0.1');
    });
});
