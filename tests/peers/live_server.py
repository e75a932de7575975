"""A small server on loopback for live_capture.sh: /poll answers JSON, /events sends five events and ends, /ws echoes three text frames.

Prints its port on a line of its own, serves until its standard input closes.
"""
import base64
import hashlib
import http.server
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.path.startswith("/events"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Cache-Control", "no-cache")
            self.send_header("Connection", "close")
            self.end_headers()
            for i in range(1, 6):
                self.wfile.write(b"id: %d\ndata: tick %d\n\n" % (i, i))
                self.wfile.flush()
                time.sleep(0.1)
            self.close_connection = True
        elif self.path.startswith("/poll"):
            body = b'{"messages":[]}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        elif self.path.startswith("/ws"):
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
            self.end_headers()
            for i in range(1, 4):
                text = b"hello %d" % i
                self.wfile.write(bytes([0x81, len(text)]) + text)
                self.wfile.flush()
                time.sleep(0.1)
            self.wfile.write(bytes([0x88, 2, 0x03, 0xE8]))
            self.close_connection = True
        else:
            self.send_error(404)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
