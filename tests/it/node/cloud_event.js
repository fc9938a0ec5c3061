// The official SDK for CloudEvents in JavaScript, at both ends.
//
// `read` decodes deliveries: one JSON object a line in, with headers and the body in hexadecimal digits, and one out.
// `write` prints two requests with one event each: in binary mode, and structured.
const { CloudEvent, HTTP } = require("cloudevents");

const print = (value) => process.stdout.write(JSON.stringify(value) + "\n");

if (process.argv[2] === "write") {
  for (const mode of ["binary", "structured"]) {
    const event = new CloudEvent({
      id: "node-1",
      source: `/node/${mode}`,
      type: "sdk.node",
      subject: "100 percent",
      extra: "e",
      data: { by: "node", "é": [1, 2.5] },
    });
    const { headers, body } = HTTP[mode](event);
    print({ headers, body: Buffer.from(body).toString("hex") });
  }
} else {
  const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
  for (const line of lines) {
    const given = JSON.parse(line);
    const event = HTTP.toEvent({ headers: given.headers, body: Buffer.from(given.body, "hex").toString("utf8") });
    const { data, data_base64, ...attributes } = event.toJSON();
    print({ attributes, data: data_base64 === undefined ? data : { base64: data_base64 } });
  }
}
