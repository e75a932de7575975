/*
 * dx_reference: the tables of the dissectors as a page to read: per protocol its fields with their widths, meanings and
 * sections, and below each field that has names for its values those names. docs/protocols.md is this text.
 */
#include "proto/dissect/dissect.h"

#include <stdio.h>
#include <string.h>

static void put_cell(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '|')
			buf_u8(out, '\\');
		buf_u8(out, (uint8_t)*s);
	}
}

/* The width in bits, or what decides it. */
static const char *width(const struct dx_field *f, char *room, size_t cap)
{
	if (f->bits == DX_VARINT)
		return "8, 16, 32, 64";
	if (f->bits == DX_VARIES)
		return f->type == DX_GROUP ? "group" : "varies";
	snprintf(room, cap, "%u", f->bits);
	return room;
}

static void put_field(struct buf *out, const struct dx_field *f)
{
	char room[8];
	buf_str(out, "| ");
	put_cell(out, f->title);
	buf_str(out, " | `");
	buf_str(out, f->abbrev);
	buf_str(out, "` | ");
	buf_str(out, width(f, room, sizeof room));
	buf_str(out, " | ");
	put_cell(out, f->help);
	buf_str(out, " | ");
	put_cell(out, f->ref);
	buf_str(out, " |\n");
}

static void put_names(struct buf *out, const struct dx_field *f)
{
	char number[32];
	buf_str(out, "\n`");
	buf_str(out, f->abbrev);
	buf_str(out, "`:\n\n| Value | Name | Meaning |\n|---|---|---|\n");
	for (const struct dx_name *v = f->names; v->name != NULL; v++) {
		snprintf(number, sizeof number, f->type == DX_HEX ? "| 0x%llx | " : "| %llu | ",
			(unsigned long long)v->value);
		buf_str(out, number);
		put_cell(out, v->name);
		buf_str(out, " | ");
		put_cell(out, v->help != NULL ? v->help : "");
		buf_str(out, " |\n");
	}
}

void dx_put_reference(struct buf *out, const struct dx_proto *only)
{
	for (size_t i = 0; dx_protos[i] != NULL; i++) {
		const struct dx_proto *p = dx_protos[i];
		if (only != NULL && only != p)
			continue;
		buf_str(out, "\n## ");
		buf_str(out, p->title);
		buf_str(out, "\n\n`dissect --as ");
		buf_str(out, p->name);
		buf_str(out, "`, ");
		buf_str(out, p->ref);
		buf_str(out, ".\n\n| Name | Field | Bits | Meaning | Source |\n|---|---|---|---|---|\n");
		for (uint32_t f = 0; f < p->n_fields; f++)
			put_field(out, &p->fields[f]);
		for (uint32_t f = 0; f < p->n_fields; f++)
			if (p->fields[f].names != NULL)
				put_names(out, &p->fields[f]);
	}
}
