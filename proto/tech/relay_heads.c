/*
 * relay_heads: see relay_heads.h. Heads are long and every one is read this way, so a name is compared only with names of
 * its length, and the Connection fields, usually one, are found once for a head.
 */
#include "proto/tech/relay_heads.h"

#define NAME(s)                  \
	{                        \
		sizeof(s) - 1, s \
	}
static const struct {
	size_t n;
	char name[20];
} own_hop[] = {NAME("connection"), NAME("proxy-connection"), NAME("keep-alive"), NAME("te"), NAME("trailer"),
	NAME("transfer-encoding"), NAME("upgrade"), NAME("expect")};

static bool known_hop(struct bytes name)
{
	for (size_t i = 0; i < sizeof own_hop / sizeof *own_hop; i++)
		if (name.n == own_hop[i].n &&
			bytes_eq_nocase(name, (struct bytes){(const uint8_t *)own_hop[i].name, name.n}))
			return true;
	return false;
}

/* A Connection field, from the one given on, names it. */
static bool listed(const struct h1_head *h, const struct h1_field *f, struct bytes name)
{
	for (; f; f = h1_find(h->fields, h->n_fields, "connection", f)) {
		struct bytes rest = f->value, token;
		while (h1_list_next(&rest, &token))
			if (bytes_eq_nocase(token, name))
				return true;
	}
	return false;
}

void relay_copy_fields(struct buf *out, const struct h1_head *h, struct bytes also_not)
{
	const struct h1_field *first = h1_find(h->fields, h->n_fields, "connection", NULL);
	buf_reserve(out, h->len); /* at once; what is left out and what is added hardly differ */
	for (uint32_t i = 0; i < h->n_fields; i++) {
		const struct h1_field *f = &h->fields[i];
		if (known_hop(f->name) || listed(h, first, f->name) || bytes_eq_nocase(f->name, also_not))
			continue;
		buf_add(out, f->name);
		buf_add(out, BYTES_LIT(": "));
		buf_add(out, f->value);
		buf_add(out, BYTES_LIT("\r\n"));
	}
}

void relay_copy_upgrade(struct buf *out, const struct h1_head *h)
{
	for (const struct h1_field *f = NULL; (f = h1_find(h->fields, h->n_fields, "upgrade", f));)
		h1_put_field(out, "Upgrade", f->value);
	h1_put_field_str(out, "Connection", "Upgrade");
}
