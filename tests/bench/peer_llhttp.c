/* llhttp (Node's HTTP parser, the C sources of Debian's node-llhttp) for bench_codecs. */
#include "tests/bench/peers.h"

#ifdef HAVE_LLHTTP
#include <llhttp.h>

struct fields {
	llhttp_t parser;
	uint64_t messages;
	struct bytes target, name[256], value[256];
	uint32_t n;
};

static int message(llhttp_t *p)
{
	struct fields *f = p->data;
	f->messages++;
	return 0;
}

static int begin(llhttp_t *p)
{
	((struct fields *)p->data)->n = 0;
	return 0;
}

static int url(llhttp_t *p, const char *at, size_t n)
{
	((struct fields *)p->data)->target = (struct bytes){(const uint8_t *)at, n};
	return 0;
}

static int name(llhttp_t *p, const char *at, size_t n)
{
	struct fields *f = p->data;
	if (f->n < 256)
		f->name[f->n] = (struct bytes){(const uint8_t *)at, n};
	return 0;
}

static int value(llhttp_t *p, const char *at, size_t n)
{
	struct fields *f = p->data;
	if (f->n < 256)
		f->value[f->n++] = (struct bytes){(const uint8_t *)at, n};
	return 0;
}

static uint64_t run(struct bytes in, const llhttp_settings_t *settings)
{
	static struct fields f;
	f.messages = 0;
	f.n = 0;
	llhttp_init(&f.parser, HTTP_REQUEST, settings);
	f.parser.data = &f;
	return llhttp_execute(&f.parser, (const char *)in.p, in.n) == HPE_OK ? f.messages : 0;
}

static void keep_fields(llhttp_settings_t *s)
{
	llhttp_settings_init(s);
	s->on_message_begin = begin;
	s->on_url = url;
	s->on_header_field = name;
	s->on_header_value = value;
	s->on_message_complete = message;
}

static uint64_t pieces(struct bytes in)
{
	static struct fields f;
	static llhttp_settings_t s;
	keep_fields(&s);
	f.messages = 0;
	llhttp_init(&f.parser, HTTP_REQUEST, &s);
	f.parser.data = &f;
	for (size_t at = 0; at + feed_octets <= in.n; at += feed_octets)
		if (llhttp_execute(&f.parser, (const char *)in.p + at, feed_octets) != HPE_OK)
			return 0;
	return f.messages;
}

static uint64_t scan(struct bytes in)
{
	static llhttp_settings_t s;
	llhttp_settings_init(&s);
	s.on_message_complete = message;
	return run(in, &s);
}

static uint64_t fields(struct bytes in)
{
	static llhttp_settings_t s;
	keep_fields(&s);
	return run(in, &s);
}

decode_fn *const llhttp_scan = scan, *const llhttp_fields = fields, *const llhttp_pieces = pieces;
#else
decode_fn *const llhttp_scan = NULL, *const llhttp_fields = NULL, *const llhttp_pieces = NULL;
#endif
