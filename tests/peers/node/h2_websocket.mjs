// A WebSocket over HTTP/2 (RFC 8441) by Node's http2 client: frames of the server, a Close there and back.
import http2 from "node:http2";

const client = http2.connect(process.argv[2]);
const fail = (why) => {
	console.log(why);
	process.exit(1);
};
setTimeout(() => fail("nothing for five seconds"), 5000).unref();
client.on("error", (e) => fail(`connection: ${e.message}`));
client.once("remoteSettings", (settings) => {
	if (!settings.enableConnectProtocol) fail("ENABLE_CONNECT_PROTOCOL is not set");
	const stream = client.request({
		":method": "CONNECT",
		":protocol": "websocket",
		":scheme": "http",
		":path": "/ws?since=0",
		":authority": new URL(process.argv[2]).host,
		"sec-websocket-version": "13",
	});
	let octets = Buffer.alloc(0), messages = 0, closing = false;
	stream.on("error", (e) => fail(`stream: ${e.message}`));
	stream.on("response", (h) => {
		if (h[":status"] !== 200) fail(`status ${h[":status"]}`);
	});
	stream.on("data", (d) => {
		octets = Buffer.concat([octets, d]);
		while (octets.length >= 2) {
			const short = octets[1] & 0x7f;
			const start = short === 126 ? 4 : 2;
			const length = short === 126 ? octets.readUInt16BE(2) : short;
			if (octets.length < start + length) break;
			const opcode = octets[0] & 15;
			if (opcode === 8 && closing) {
				client.close();
				process.exit(0);
			}
			if (opcode === 1) messages += JSON.parse(octets.subarray(start, start + length).toString()).id > 0;
			octets = octets.subarray(start + length);
			if (messages === 3 && !closing) {
				closing = true;
				stream.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])); // Close 1000, masked by zeros
			}
		}
	});
});
