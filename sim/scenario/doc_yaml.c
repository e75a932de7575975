/*
 * doc_yaml: YAML events (libfyaml) into a tree.
 *
 *   STREAM_START  DOCUMENT_START  ( MAPPING_START key value … MAPPING_END | … )  DOCUMENT_END  STREAM_END
 *
 * The parser keeps a stack of open mappings and lists. In a mapping scalars alternate: key, value, key …
 * Refused as soon as seen: anchors, aliases, tags, directives, a second document, keys that are not plain
 * scalars, a key that is already there, more than DOC_DEPTH_MAX levels or DOC_ENTRIES_MAX entries.
 */
#include <libfyaml.h>
#include <stdio.h>
#include <string.h>

#include "sim/scenario/doc.h"
#include "sim/scenario/doc_text.h"

struct open_node {
	struct doc_node *node;
	const char *key; /* a key waiting for its value */
	struct src_pos key_pos;
};

struct builder {
	struct doc *d;
	uint16_t src;
	struct open_node stack[DOC_DEPTH_MAX];
	unsigned depth;
	struct doc_node *root;
	unsigned documents;
	bool fatal;    /* cannot go on */
	unsigned bad;  /* complaints so far */
	unsigned skip; /* inside a refused key: nesting to be skipped */
};

static struct src_pos pos_of(const struct fy_mark *m)
{
	return m ? (struct src_pos){(uint32_t)m->line + 1, (uint32_t)m->column + 1} : (struct src_pos){1, 1};
}

static uint32_t span_of(struct fy_token *t)
{
	const struct fy_mark *a = t ? fy_token_start_mark(t) : NULL, *b = t ? fy_token_end_mark(t) : NULL;
	if (a && b && a->line == b->line && b->column > a->column)
		return (uint32_t)(b->column - a->column);
	return 1;
}

static void complain(struct builder *b, struct fy_token *t, const char *hint, const char *what)
{
	b->bad++;
	doc_error_at(b->d, b->src, pos_of(t ? fy_token_start_mark(t) : NULL), span_of(t), hint, "%s", what);
}

static void refuse_properties(struct builder *b, struct fy_token *anchor, struct fy_token *tag)
{
	if (anchor)
		complain(b, anchor, "write the value out where it is needed",
			"anchors (`&name`) are not part of the scenario language");
	if (tag)
		complain(b, tag, "quote a text that begins with `!`",
			"tags (`!type`) are not part of the scenario language");
}

/* Puts a value where it belongs: the root, the pending key, the list. */
static void place(struct builder *b, struct doc_node *n)
{
	if (!b->depth) {
		if (!b->root)
			b->root = n;
		return;
	}
	struct open_node *top = &b->stack[b->depth - 1];
	if (top->node->n >= DOC_ENTRIES_MAX) {
		b->bad++;
		b->fatal = true;
		doc_error(b->d, n, NULL, "more than %d entries", DOC_ENTRIES_MAX);
		return;
	}
	if (top->node->kind == DOC_MAP) {
		n->key = top->key;
		n->key_pos = top->key_pos;
		top->key = NULL;
	}
	doc_append(top->node, n);
}

static bool wants_key(const struct builder *b)
{
	return b->depth && b->stack[b->depth - 1].node->kind == DOC_MAP && !b->stack[b->depth - 1].key;
}

static void take_key(struct builder *b, const char *text, struct fy_token *t)
{
	struct open_node *top = &b->stack[b->depth - 1];
	struct doc_node *old = doc_get(top->node, text);
	if (old) {
		char hint[80];
		snprintf(hint, sizeof hint, "it stands in line %u already", old->key_pos.line);
		char what[160];
		snprintf(what, sizeof what, "duplicate key `%.80s`", text);
		complain(b, t, hint, what);
	}
	top->key = text;
	top->key_pos = pos_of(t ? fy_token_start_mark(t) : NULL);
}

static void on_scalar(struct builder *b, struct fy_event *ev)
{
	struct fy_token *t = ev->scalar.value;
	refuse_properties(b, ev->scalar.anchor, ev->scalar.tag);
	size_t len = 0;
	const char *p = t ? fy_token_get_text(t, &len) : "";
	if (!p) {
		p = "";
		len = 0;
	}
	if (len > DOC_SCALAR_MAX) {
		complain(b, t, NULL, "a value of more than 65536 bytes");
		len = 0;
	}
	if (memchr(p, 0, len)) {
		complain(b, t, NULL, "a value with a NUL character");
		len = 0;
	}
	const char *text = arena_textn(&b->d->arena, p, len);
	if (wants_key(b)) {
		take_key(b, text, t);
		return;
	}
	struct src_pos at = pos_of(t ? fy_token_start_mark(t) : NULL);
	struct doc_node *n = doc_new(b->d, DOC_SCALAR, b->src, at);
	n->text = text;
	n->span = span_of(t);
	n->quoted = t && fy_token_scalar_style(t) != FYSS_PLAIN;
	if (!len && !n->quoted && b->depth && b->stack[b->depth - 1].key)
		n->pos = b->stack[b->depth - 1].key_pos; /* an empty value has no place of its own */
	place(b, n);
}

static void on_open(struct builder *b, enum doc_kind kind, struct fy_token *start, struct fy_token *anchor,
	struct fy_token *tag)
{
	refuse_properties(b, anchor, tag);
	if (wants_key(b)) {
		complain(b, start, NULL, "a key must be a plain word, not a mapping or a list");
		b->fatal = true;
		return;
	}
	if (b->depth == DOC_DEPTH_MAX) {
		char what[80];
		snprintf(what, sizeof what, "more than %d levels inside each other", DOC_DEPTH_MAX);
		complain(b, start, NULL, what);
		b->fatal = true;
		return;
	}
	struct doc_node *n = doc_new(b->d, kind, b->src, pos_of(start ? fy_token_start_mark(start) : NULL));
	place(b, n);
	b->stack[b->depth++] = (struct open_node){n, NULL, {0, 0}};
}

static void on_document(struct builder *b, struct fy_event *ev)
{
	struct fy_document_state *fyds = ev->document_start.document_state;
	if (fyds && (fy_document_state_version_explicit(fyds) || fy_document_state_tags_explicit(fyds)))
		complain(b, ev->document_start.document_start, NULL,
			"directives (`%…` lines) are not part of the scenario language");
	if (b->documents++) {
		complain(b, ev->document_start.document_start,
			"one file holds one document: remove the `---`", "a second document");
		b->fatal = true;
	}
}

static void on_event(struct builder *b, struct fy_event *ev)
{
	switch (ev->type) {
	case FYET_DOCUMENT_START:
		on_document(b, ev);
		break;
	case FYET_SCALAR:
		on_scalar(b, ev);
		break;
	case FYET_MAPPING_START:
		on_open(b, DOC_MAP, ev->mapping_start.mapping_start, ev->mapping_start.anchor,
			ev->mapping_start.tag);
		break;
	case FYET_SEQUENCE_START:
		on_open(b, DOC_LIST, ev->sequence_start.sequence_start, ev->sequence_start.anchor,
			ev->sequence_start.tag);
		break;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		if (b->depth)
			b->depth--;
		break;
	case FYET_ALIAS:
		complain(b, ev->alias.anchor, "write the value out where it is needed",
			"aliases (`*name`) are not part of the scenario language");
		if (wants_key(b))
			b->fatal = true;
		else
			place(b, doc_new(b->d, DOC_SCALAR, b->src, (struct src_pos){1, 1}));
		break;
	default:
		break;
	}
}

/* The place of a tab in the indentation of line `from` or later: the commonest mistake, and YAML's own complaint about it
 * is about something else. Line 0 when there is none. */
static struct src_pos find_tab(const struct doc_src *s, uint32_t from)
{
	uint32_t line = 1;
	for (const char *p = s->text; *p; line++) {
		size_t blank = strspn(p, " \t"), tab = strcspn(p, "\t");
		if (line >= from && tab < blank && !strchr("\r\n", p[blank]))
			return (struct src_pos){line, (uint32_t)tab + 1};
		p = strchr(p, '\n');
		if (!p)
			break;
		p++;
	}
	return (struct src_pos){0, 0};
}

/* libfyaml puts "something is missing" behind the end; the last line is where a reader looks. */
static struct src_pos clamp(const struct doc_src *s, struct src_pos at)
{
	struct src_pos last = {1, 1};
	for (const char *p = s->text; *p && *p != '\0'; p++)
		if (*p == '\n' && p[1])
			last = (struct src_pos){last.line + 1, 1};
		else if (*p != '\n' && ((unsigned char)*p & 0xc0) != 0x80)
			last.col++;
	return at.line > last.line ? last : at;
}

/* What libfyaml complains about, in its words but at our places. */
static unsigned take_yaml_errors(struct builder *b, struct fy_diag *diag)
{
	const struct doc_src *s = &b->d->src[b->src];
	unsigned n = 0;
	void *it = NULL;
	struct fy_diag_error *e;
	while ((e = fy_diag_errors_iterate(diag, &it))) {
		if (e->type != FYET_ERROR || !e->msg)
			continue;
		struct src_pos at = {
			e->line > 0 ? (uint32_t)e->line : 1, e->column > 0 ? (uint32_t)e->column : 1};
		struct src_pos tab = find_tab(s, at.line);
		n++;
		if (tab.line)
			doc_error_at(b->d, b->src, tab, 1, "YAML indents with spaces, never with tabs",
				"a tab in the indentation");
		else
			doc_error_at(b->d, b->src, clamp(s, at), 1,
				"this is YAML's own complaint: check indentation, colons and quotes here",
				"%s", e->msg);
	}
	return n;
}

static void run_parser(struct builder *b, struct fy_parser *fyp, struct fy_diag *diag)
{
	struct fy_event *ev;
	while (!b->fatal && b->bad < DIAGS_MAX && (ev = fy_parser_parse(fyp))) {
		bool end = ev->type == FYET_STREAM_END;
		on_event(b, ev);
		fy_parser_event_free(fyp, ev);
		if (end)
			return;
	}
	if (!b->fatal && b->bad < DIAGS_MAX) {
		if (!take_yaml_errors(b, diag))
			complain(b, NULL, NULL, "this is not YAML");
		b->bad++;
	}
}

/* Nothing but blank lines and comments? */
static bool is_empty(const struct doc_src *s)
{
	for (const char *p = s->text; *p;) {
		p += strspn(p, " \t\r\n");
		if (*p && *p != '#')
			return false;
		p += strcspn(p, "\n");
	}
	return true;
}

struct doc_node *doc_parse(struct doc *d, uint16_t src)
{
	struct builder b = {.d = d, .src = src};
	size_t skip;
	if (!doc_text_check(d, src, &skip))
		return NULL;
	struct fy_diag_cfg dcfg;
	fy_diag_cfg_default(&dcfg);
	dcfg.fp = NULL;
	dcfg.colorize = false;
	struct fy_diag *diag = fy_diag_create(&dcfg);
	fy_diag_set_collect_errors(diag, true);
	struct fy_parse_cfg cfg = {.flags = FYPCF_DEFAULT_PARSE, .diag = diag};
	struct fy_parser *fyp = fy_parser_create(&cfg);
	if (!fyp || fy_parser_set_string(fyp, d->src[src].text + skip, d->src[src].len - skip)) {
		complain(&b, NULL, NULL, "the YAML reader could not be started");
		b.bad++;
	} else {
		run_parser(&b, fyp, diag);
	}
	if (fyp)
		fy_parser_destroy(fyp);
	fy_diag_destroy(diag);
	if (!b.bad && d->allow_empty && is_empty(&d->src[src]))
		b.root = doc_new(d, DOC_MAP, src, (struct src_pos){1, 1});
	if (!b.bad && !b.root)
		doc_error_at(d, src, (struct src_pos){1, 1}, 1, NULL, "the file is empty");
	return b.bad || !b.root ? NULL : b.root;
}
