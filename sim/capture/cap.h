/*
 * cap: a capture file as frames, connections, messages and conversations.
 *
 *	file ─▶ packets ─▶ TCP connections ─▶ two streams each ─▶ HTTP, SSE, WebSocket ─▶ conversations
 *	cap_file   cap_net      cap_tcp            cap_stream          cap_http, cap_ws       cap_label
 *
 * `capture_load` does all of it and, when it is given a trace, tells the same as records (cap_trace). `capture_json`
 * writes the result as `capture-replay/1`, whose names, units and numbering are those of `capture-truth/1`: frames count
 * from 1, times are after the first packet, a stream's number is its order of first appearance, what is inferred and
 * not seen is marked.
 *
 * A byte of a stream is *delivered* when it and everything before it has been seen: its time is the latest time of any
 * segment up to it. A gap that never closes is filled with zero octets, counted as missing, and passed over.
 *
 * Limits: all CAP_*_MAX below. Reaching one ends the reading of what it limits and is named in `limit`.
 */
#ifndef SIM_CAPTURE_CAP_H
#define SIM_CAPTURE_CAP_H

#include "proto/base/base.h"
#include "proto/wire/wire.h"
#include "sim/capture/cap_file.h"
#include "sim/trace/trace.h"

#define CAP_PACKETS_MAX 50000000u
#define CAP_STORE_MAX (8ull << 30) /* octets of all frames */
#define CAP_CONNS_MAX 4000000u
#define CAP_STREAM_MAX (1ull << 30) /* octets of one direction of one connection */
#define CAP_GAP_MAX (8u << 20)      /* one gap that is bridged */
#define CAP_GAPS_MAX (256ull << 20) /* all bridged gaps of a capture */
#define CAP_FRAGMENTS_MAX 256u      /* IP datagrams under reassembly at once */
#define CAP_BODY_MAX (16u << 20)    /* octets of one body looked into (JSON, gzip) */
#define CAP_UNITS_MAX 50000000u     /* frames, events, messages kept */
#define CAP_LANES_MAX 4096u         /* nodes of the trace */

#define CAP_NONE UINT32_MAX

enum cap_kind { CAP_TCP, CAP_UDP, CAP_ICMP, CAP_ARP, CAP_OTHER, CAP_KINDS };

/* tshark's tcp.analysis flags. X(ID, "name") */
#define CAP_ANALYSIS(X)                                       \
	X(RETRANSMISSION, "retransmission")                   \
	X(FAST_RETRANSMISSION, "fast_retransmission")         \
	X(SPURIOUS_RETRANSMISSION, "spurious_retransmission") \
	X(OUT_OF_ORDER, "out_of_order")                       \
	X(DUPLICATE_ACK, "duplicate_ack")                     \
	X(LOST_SEGMENT, "lost_segment")                       \
	X(ACK_LOST_SEGMENT, "ack_lost_segment")               \
	X(KEEP_ALIVE, "keep_alive")                           \
	X(KEEP_ALIVE_ACK, "keep_alive_ack")                   \
	X(ZERO_WINDOW, "zero_window")                         \
	X(ZERO_WINDOW_PROBE, "zero_window_probe")             \
	X(ZERO_WINDOW_PROBE_ACK, "zero_window_probe_ack")     \
	X(WINDOW_FULL, "window_full")                         \
	X(WINDOW_UPDATE, "window_update")                     \
	X(REUSED_PORTS, "reused_ports")

enum cap_analysis {
#define X(id, name) CAP_AN_##id,
	CAP_ANALYSIS(X)
#undef X
		CAP_ANS
};
const char *cap_analysis_name(enum cap_analysis a);

/* One packet. Its number (from 1) is its index + 1. */
struct cap_pkt {
	int64_t at;   /* ns after the first packet */
	uint64_t off; /* its octets in capture.store */
	int64_t soff; /* TCP: stream offset of its first data octet; the SYN stands at -1 */
	uint32_t caplen, wirelen;
	uint32_t conn; /* TCP connection, CAP_NONE none */
	uint32_t
		data_off; /* TCP data begin at off + data_off (beyond the frame when reassembled from fragments) */
	uint32_t len;      /* TCP data octets sent */
	uint32_t data_cap; /* and captured */
	uint32_t next;     /* next packet with data of the same direction, CAP_NONE the last */
	uint16_t analysis; /* bits of enum cap_analysis */
	uint16_t tcp_flags;
	uint16_t iface;
	uint8_t kind;
	uint8_t dir;      /* TCP: 0 from the client, 1 from the server */
	uint8_t checksum; /* TCP: 0 not verifiable, 1 good, 2 bad */
	bool keepalive;   /* TCP: carries no octet of the stream */
	bool icmp_error;
};

/* One direction of a connection: what reassembly and the analysis remember. */
struct cap_flow {
	struct ip_addr addr;
	uint16_t port;
	uint32_t first, last; /* packets with data, linked by cap_pkt.next */
	uint64_t payload;     /* data octets sent, retransmissions included */
	uint64_t missing;     /* octets never captured */
	uint32_t isn;         /* sequence number of stream offset -1 */
	bool isn_known;       /* from a SYN, not guessed */
	bool started;
	uint32_t fin_pkt, rst_pkt; /* first of each, CAP_NONE none */
	int64_t base;              /* soff of the first octet of the stream put together (cap_stream) */
	int64_t next_soff;         /* stream offset expected next, for unwrapping sequence numbers */
	/* the analysis (cap_tcp.c) */
	uint32_t base_seq; /* number the connection began with, seen or guessed */
	bool base_known;
	uint32_t nextseq, lastack, max_to_be_acked, window, lastacklen;
	int64_t nextseq_at, lastack_at;
	int32_t dupacks;
	uint32_t last_flags;
	int8_t wscale; /* -1 unknown, -2 known not to be used */
	bool window_unscaled;
};

enum cap_app { CAP_APP_NONE, CAP_APP_HTTP1, CAP_APP_HTTP2, CAP_APP_TLS, CAP_APP_UNKNOWN };

struct cap_conn {
	struct cap_flow flow[2]; /* [0] the client's, once `swapped` has been applied */
	uint32_t first_pkt, last_pkt;
	uint32_t packets;
	uint64_t wire_bytes;
	uint32_t syns, synacks; /* SYN segments without and with ACK */
	uint32_t handshake_ack; /* packet that completed the handshake, CAP_NONE none */
	int64_t syn_at, first_rtt;
	uint32_t chain; /* older connection of the same hash slot */
	uint32_t rsts, first_rst;
	bool syn_seen, syn_dated; /* dated: its time is not 0 (1970) */
	bool client_known;        /* a SYN said who opened it */
	enum cap_app app;
	const char *proxy; /* PROXY protocol line or "v2 …", NULL none */
	uint32_t proxy_version;
	const char *proxy_src, *proxy_dst;
	const char *tunnel;      /* CONNECT target, NULL none */
	const char *unsolicited; /* status line of a response nobody asked for */
	const char *error;       /* what a decoder could not read, NULL none */
	uint32_t error_pkt;
	uint32_t tls; /* index into capture.tls, CAP_NONE none */
	uint32_t http_first, http_n;
};

/* Where and when something in a stream was complete. */
struct cap_at {
	int64_t t;
	uint32_t pkt; /* index */
};

struct cap_note { /* a header field worth telling */
	const char *name, *value;
};
#define CAP_NOTES_MAX 8

enum cap_framing { CAP_BODY_NONE, CAP_BODY_LENGTH, CAP_BODY_CHUNKED, CAP_BODY_CLOSE };

struct cap_range {
	uint64_t off;
	uint64_t len;
};

/* One HTTP/1 request with its response. */
struct cap_http {
	uint32_t conn, index;               /* index on its connection */
	const char *method, *target, *host; /* host NULL: no Host field */
	uint8_t version, resp_version;      /* 10, 11 */
	struct cap_at req, req_head, req_end;
	uint32_t req_header_bytes;
	enum cap_framing req_framing;
	uint64_t req_body;
	bool req_complete;
	const struct cap_note *req_note;
	uint32_t nreq_notes;
	struct cap_range req_range;
	/* the response */
	bool has_response;
	uint16_t status;
	const char *reason, *content_type, *content_encoding, *connection;
	struct cap_at head, end;
	uint32_t header_bytes, chunks;
	enum cap_framing framing;
	uint64_t body_wire, body, body_decoded;
	bool body_decoded_known, complete;
	const struct cap_note *note;
	uint32_t nnotes;
	struct cap_range range;
	uint32_t interim; /* 1xx responses before it */
	/* what it carries */
	bool wants_upgrade; /* Upgrade: websocket asked for */
	bool json;          /* json_messages is known */
	uint32_t json_messages;
	uint32_t sse, ws;  /* indexes, CAP_NONE none */
	uint32_t bursts;   /* body pieces separated in time: streaming */
	int64_t body_span; /* from the first to the last body octet */
	const char **eio_client,
		**eio_server; /* Engine.IO packets in the bodies (their first 60 characters) */
	uint32_t neio_client, neio_server, eio_events; /* eio_events: Socket.IO events to the client */
};

struct cap_sse_item {
	enum { CAP_SSE_EVENT, CAP_SSE_COMMENT, CAP_SSE_RETRY } kind;
	struct cap_at at;
	const char *event, *id, *data; /* comment: data */
	uint32_t data_len;             /* octets */
	uint64_t retry_ms;
	struct cap_range range; /* in the stream; length 0 when the body was compressed */
};

struct cap_sse {
	uint32_t conn, http;
	uint32_t h2_stream; /* 0: HTTP/1 */
	const char *target, *last_id_sent, *content_encoding, *last_id;
	struct cap_sse_item *item;
	uint32_t nitems, item_cap, nevents;
	uint32_t unknown_fields;
	bool tail;
};

struct cap_ws_frame {
	struct cap_at at, begin;
	uint64_t off, pay_len;
	uint8_t from; /* 0 client, 1 server */
	uint8_t fin, rsv, op, masked, hdr_len;
	bool complete;
	bool has_code;
	uint16_t code;
	const char
		*text; /* ping, pong: payload; close: reason; else the start of the payload of a text frame */
};

struct cap_ws_msg {
	struct cap_at at;
	uint64_t off, len; /* stream range, all fragments and what stood between them */
	uint8_t from, op;
	bool compressed;
	uint32_t fragments;
	uint64_t wire_bytes, bytes;
	uint8_t sha256[8];
	const char *text; /* text messages: shortened; NULL binary */
	uint32_t gql;     /* 1 + index into capture.gql, 0 none */
};

struct cap_ws {
	uint32_t conn, http;
	const char *target, *extensions, *subprotocol;
	bool deflate;
	const char *params; /* parameters of permessage-deflate as a list, "" none */
	struct cap_ws_frame *frame;
	uint32_t nframes, frame_cap;
	struct cap_ws_msg *msg;
	uint32_t nmsgs, msg_cap;
	uint32_t counts[2][7]; /* text binary continuation ping pong close reserved */
	uint32_t close[2];     /* index of each side's first close frame, CAP_NONE none */
	uint32_t sio_events;   /* Socket.IO events to the client */
	struct cap_at sio_probe, sio_upgraded;
	bool has_probe, has_upgraded;
	const char *error[2];
};

struct cap_gql { /* a GraphQL subscription message */
	uint32_t ws;
	struct cap_at at;
	uint8_t from;
	const char *type, *id;
};

#define CAP_H2_SETTINGS_MAX 8

struct cap_h2_frame {
	struct cap_at at;
	uint32_t length, stream;
	uint8_t from, type, flags;
	uint8_t nsettings;
	uint32_t a,
		b; /* WINDOW_UPDATE: increment; GOAWAY: last stream, error; RST_STREAM: -, error; SETTINGS: index of
	                * the first pair in capture.h2_setting */
};

struct cap_grpc_msg {
	struct cap_at at;
	uint32_t bytes;
	bool compressed;
	uint8_t from;
};

/* One HTTP/2 request. What it has in common with HTTP/1 stands in `x` (its conn, method, target, host, req, head, end, status,
 * content type, body, sse ...). */
struct cap_h2_req {
	struct cap_http x;
	uint32_t h2, stream_id;
	const char *scheme, *request_type;
	uint32_t header_bytes[2], data_frames[2];
	uint64_t data_bytes[2];
	const char *grpc_status, *grpc_message; /* trailers */
	bool trailers, ended, reset, grpc;
	struct cap_grpc_msg *msg;
	uint32_t nmsgs, msg_cap;
};

struct cap_h2 {
	uint32_t conn;
	struct cap_h2_frame *frame;
	uint32_t nframes, frame_cap;
	uint32_t req_first, nreqs; /* in capture.h2_req */
	const char *error[2];
};

struct cap_tls {
	uint32_t conn;
	const char *sni, *alpn, *version;
	const char *alpn_offered[8];
	uint32_t nalpn;
	uint32_t cipher;
	bool has_cipher, hello_retry, client_hello, app_data;
	struct cap_at hello;
	uint64_t app_bytes[2];
	uint8_t types[32]; /* bit set of handshake types seen */
};

/* A unit of a stream that is neither HTTP/1, SSE nor WebSocket. */
struct cap_unit {
	struct cap_at at, begin;
	uint32_t conn;
	uint8_t dir;
	uint64_t off, len;
	const char *text;
};

struct cap_conv {
	const char *technique, *leg, *client_host, *target, *origin, *transport;
	uint32_t *stream, nstreams, *http, nhttp, *ws, nws;
	uint32_t *h2, nh2; /* indexes in capture.h2_req */
	uint32_t stream_cap, http_cap, ws_cap, h2_cap;
	int64_t start, end;
	uint32_t messages;
	bool has_messages, unanswered, inferred;
	uint32_t refused;     /* HTTP status a WebSocket was refused with, 0 none */
	uint32_t server_conn; /* representative connection */
	const char *subprotocol;
};

struct cap_conn_event { /* what is worth telling about the capture as a whole */
	const char *kind, *text;
	int64_t t;
	bool timed;
};

struct capture {
	struct cap_file file; /* closed; its figures stay */
	int64_t t0_ns;        /* of the first packet, since 1970 */
	int64_t end_ns;       /* latest time */
	bool monotonic;
	uint64_t captured_bytes, wire_bytes, cut_by_snaplen;
	uint64_t kinds[CAP_KINDS];
	uint64_t checksum_good, checksum_bad;
	uint8_t *store;
	size_t store_n, store_cap;
	struct cap_pkt *pkt;
	uint32_t npkts, pkt_cap;
	const char **comment; /* per packet, NULL when no packet has one */
	struct cap_conn *conn;
	uint32_t nconns, conn_cap;
	struct cap_http *http;
	uint32_t nhttp, http_cap;
	struct cap_sse *sse;
	uint32_t nsse, sse_cap;
	struct cap_ws *ws;
	uint32_t nws, ws_cap;
	struct cap_gql *gql;
	uint32_t ngql, gql_cap;
	struct cap_h2 *h2;
	uint32_t nh2, h2_cap;
	struct cap_h2_req *h2_req;
	uint32_t nh2_reqs, h2_req_cap;
	uint32_t (*h2_setting)[2]; /* id, value */
	uint32_t nh2_settings, h2_setting_cap;
	struct cap_tls *tls;
	uint32_t ntls, tls_cap;
	struct cap_unit *unit;
	uint32_t nunits, unit_cap;
	struct cap_conv *conv;
	uint32_t nconv, conv_cap;
	uint32_t *icmp; /* packets */
	uint32_t nicmp, icmp_cap;
	const char *moved_from, *moved_to; /* a client that changed networks, NULL none */
	struct cap_arena *arena;
	const char **interned; /* hash table of texts that occur often */
	uint32_t interned_n, interned_slots;
	uint64_t gaps_bridged;
	const char *limit;   /* the limit that was reached, NULL none */
	struct cap_net *net; /* while reading */
};

struct capture_opts {
	uint32_t packets_max; /* 0: CAP_PACKETS_MAX */
	const char *iface; /* only packets of this interface (its name or number); they are then counted among
	                       * themselves. NULL: all */
};

enum capture_result {
	CAPTURE_OK,
	CAPTURE_INPUT, /* the file is not a capture, or damaged before its first packet: exit 2 */
	CAPTURE_ENV,   /* the system refused: exit 3 */
};

/* Reads a capture file; everything in it is owned by the result. `tr` may be NULL; otherwise records, nodes and
 * connections are added to it (it must be new). On failure *out is NULL and `why` says what is wrong, with
 * the octet. A file cut short or damaged after its first packets succeeds: see file.reader_error. */
enum capture_result capture_open(
	struct capture **out, const char *path, const struct capture_opts *o, char *why, size_t why_cap);
void capture_free(struct capture *c);
/* Live: listens on `iface` until `stop` says so or `packets_max` packets have come, then does as capture_open does with
 * them. `stop` is asked at least ten times a second. The packets stand in a temporary file `tmp` (a path to be
 * written, removed afterwards) meanwhile. Without the right to listen: CAPTURE_ENV and what to do about it. */
enum capture_result capture_live(struct capture **out, const char *iface, const char *tmp,
	const struct capture_opts *o, bool (*stop)(void *ctx), void *ctx, char *why, size_t why_cap);
/* The same as records. */
void capture_to_trace(struct capture *c, struct trace *tr);
/* Both, for views that only want the trace. */
enum capture_result capture_load(
	const char *path, const struct capture_opts *o, struct trace *tr, char *why, size_t why_cap);

/* Writes `capture-replay/1` (JSON). `name` is the file's name as the reader knows it. */
void capture_json(const struct capture *c, const char *name, struct buf *out);
/* The same in pieces, for results larger than memory. Returns 0, or -1 when `out` failed. */
int capture_json_to(const struct capture *c, const char *name, const struct trace_out *out);

/* Copies into the capture's arena, as well-formed UTF-8. */
const char *cap_str(struct capture *c, struct bytes b);
/* The same, with equal texts stored once. */
const char *cap_intern(struct capture *c, struct bytes b);
const char *cap_strf(struct capture *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *cap_mem(struct capture *c, size_t n);

/* Makes room for one more element of size `each`. */
void *cap_grow(void *p, uint32_t *cap, uint32_t n, size_t each);
#define CAP_PUSH(arr, n, cap) (arr = cap_grow(arr, &(cap), n, sizeof *(arr)), &(arr)[(n)++])

/* "10.0.0.7:8080", "[2001:db8::1]:80". */
const char *cap_endpoint(struct capture *c, const struct ip_addr *a, uint16_t port);
const char *cap_host(struct capture *c, const struct ip_addr *a);

#endif
