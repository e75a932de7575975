/*
 * explain: what a word means. Every table of the program is asked: keys of the scenario language, metrics, reasons, records,
 * techniques, boxes, presets, protocols and their fields. A word may mean several things; all are shown.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "proto/dissect/dissect.h"
#include "proto/tech/tech.h"
#include "sim/core/xmalloc.h"
#include "sim/measure/jsonw.h"
#include "sim/measure/metrics.h"
#include "sim/scenario/doc.h"
#include "sim/scenario/facts.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/library.h"
#include "sim/scenario/run.h"
#include "sim/scenario/schema.h"
#include "sim/scenario/words.h"
#include "sim/trace/trace.h"
#include "ui/commands.h"
#include "ui/data.h"
#include "ui/table.h"

/* What is known about one meaning; empty texts are left out. */
struct meaning {
	const char *kind, *name, *title, *text;
	const char *value, *dflt, *concerns, *source, *parameter;
};

struct search {
	const char *word;
	bool json;
	unsigned found;
	struct jsonw j;
	struct words_near near;
	char best[128]; /* copy of the nearest word */
};

static void line(const char *label, const char *s)
{
	if (!s || !*s)
		return;
	printf("  %-10s ", label);
	table_wrap(s, 13, 87);
}

/* Sentences of records and reasons have places for values; without a record an ellipsis stands there. */
static const char *without_values(const char *text, char *out, size_t cap)
{
	size_t n = 0;
	for (; *text && n + 4 < cap; text++) {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;
		if (end) {
			n += (size_t)snprintf(out + n, cap - n, "…");
			text = end;
		} else {
			out[n++] = *text;
		}
	}
	out[n] = 0;
	return out;
}

static void show(struct search *s, const struct meaning *m)
{
	char text[1024];
	s->found++;
	if (!s->json) {
		printf("%s%s: %s%s%s\n", s->found > 1 ? "\n" : "", m->kind, m->name,
			m->title && *m->title ? " — " : "", m->title ? m->title : "");
		printf("  ");
		table_wrap(without_values(m->text, text, sizeof text), 2, 98);
		line("value", m->value);
		line("default", m->dflt);
		line("concerns", m->concerns);
		line("decided by", m->parameter);
		line("source", m->source);
		return;
	}
	const char *const pairs[] = {"kind", m->kind, "name", m->name, "title", m->title, "text", m->text,
		"value", m->value, "default", m->dflt, "concerns", m->concerns, "parameter", m->parameter,
		"source", m->source};
	jsonw_open(&s->j, '{', false);
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i += 2)
		if (pairs[i + 1] && *pairs[i + 1])
			jsonw_kv(&s->j, pairs[i], pairs[i + 1]);
	jsonw_close(&s->j, '}');
}

static bool is(struct search *s, const char *candidate)
{
	if (!strcmp(s->word, candidate))
		return true;
	const char *before = s->near.best;
	words_near_try(&s->near, candidate);
	if (s->near.best != before)
		snprintf(s->best, sizeof s->best, "%s", candidate);
	s->near.best = s->near.best ? s->best : NULL;
	return false;
}

static void in_keys(struct search *s)
{
	int whole = strchr(s->word, '.') ? key_find(s->word) : -1;
	for (size_t i = 1; i < key_count(); i++) {
		const struct key_def *k = key_at(i);
		const char *dot = strrchr(k->path, '.'), *tail = dot ? dot + 1 : k->path;
		if (!strcmp(tail, "*") && (int)i != whole)
			continue;
		if ((int)i != whole && !is(s, tail))
			continue;
		char expects[700];
		key_expects(k, expects, sizeof expects);
		show(s, &(struct meaning){.kind = "key",
				.name = k->path,
				.text = k->help,
				.value = expects,
				.dflt = k->dflt,
				.concerns = k->concerns});
	}
}

static void in_metrics(struct search *s)
{
	int found = metric_find(s->word);
	for (size_t i = 0; i < metric_count(); i++) {
		const struct metric_def *m = metric_at(i);
		if (!is(s, m->name) && (int)i != found)
			continue;
		const char *value = !*m->unit ? (m->whole ? "a whole number" : "a number") : m->unit;
		show(s, &(struct meaning){.kind = "metric",
				.name = m->name,
				.text = m->help,
				.value = value,
				.concerns = m->per_group ? "the whole run and every client group"
							 : "the whole run"});
	}
}

static void in_engine_figures(struct search *s)
{
	const struct engine_figure *f;
	for (size_t i = 0; (f = engine_figure_at(i)); i++)
		if (is(s, f->name))
			show(s, &(struct meaning){.kind = "figure of the machine",
					.name = f->name,
					.text = f->text,
					.value = f->unit,
					.concerns = "the whole run; results as JSON have it"});
}

static void in_facts(struct search *s)
{
	for (size_t i = 0; i < fact_count(); i++) {
		const struct fact *f = fact_at(i);
		if (is(s, f->id))
			show(s, &(struct meaning){.kind = "fact",
					.name = f->id,
					.text = f->what,
					.value = f->value,
					.source = f->source});
	}
}

static void in_trace(struct search *s)
{
	for (int i = 1; i < TRACE_REASONS; i++) {
		const struct trace_reason_def *r = trace_reason_def((enum trace_reason)i);
		if (is(s, r->name))
			show(s, &(struct meaning){.kind = "reason",
					.name = r->name,
					.text = r->sentence,
					.source = r->source,
					.parameter = r->param});
	}
	for (int i = 0; i < TRACE_KINDS; i++) {
		const struct trace_kind_def *k = trace_kind_def((enum trace_kind)i);
		if (is(s, k->name))
			show(s, &(struct meaning){.kind = "record",
					.name = k->name,
					.text = k->sentence,
					.concerns = trace_layer_name(k->layer)});
	}
}

static void in_things(struct search *s)
{
	for (int i = 0; i < TECH_KINDS; i++) {
		const struct tech_def *d = tech_def((enum tech_kind)i);
		if (is(s, d->name))
			show(s, &(struct meaning){.kind = "technique",
					.name = d->name,
					.title = d->title,
					.text = d->sentence,
					.source = d->ref});
	}
#define X(name_, title_, source_, what_)                 \
	if (is(s, name_))                                \
		show(s, &(struct meaning){.kind = "box", \
				.name = name_,           \
				.title = title_,         \
				.text = what_,           \
				.source = source_});
#include "sim/scenario/boxes.def"
#undef X
}

static void one_preset(struct search *s, const char *path, const char *name)
{
	struct diags ds = {0};
	struct doc d;
	struct preset p;
	doc_init(&d, &ds);
	if (preset_read(&d, path, &p)) {
		const char *values = "";
		for (const struct doc_node *v = p.values->first; v; v = v->next)
			values = arena_fmt(
				&d.arena, "%s%s%s: %s", values, *values ? ", " : "", v->key, v->text);
		show(s, &(struct meaning){.kind = "preset",
				.name = name,
				.text = p.title,
				.value = values,
				.concerns = p.applies_to,
				.source = p.source});
	}
	doc_fini(&d);
	diags_fini(&ds);
}

static void in_library(struct search *s)
{
	char *data = data_scenarios();
	struct library_names l;
	library_list(data, LIBRARY_PRESETS, &l);
	for (size_t i = 0; i < l.n; i++)
		if (is(s, l.name[i])) {
			char *path = library_path(data, LIBRARY_PRESETS, l.name[i]);
			one_preset(s, path, l.name[i]);
			xfree(path);
		}
	library_names_fini(&l);
	xfree(data);
}

static void show_field(struct search *s, const struct dx_proto *p, const struct dx_field *f)
{
	char values[1024];
	size_t n = f->bits == DX_VARINT   ? (size_t)snprintf(values, sizeof values, "8, 16, 32 or 64 bits; ")
		   : f->bits != DX_VARIES ? (size_t)snprintf(values, sizeof values, "%u bit%s; ", f->bits,
						    f->bits > 1 ? "s" : "")
					  : 0;
	size_t start = n;
	values[n] = 0;
	for (const struct dx_name *v = f->names; v && v->name && n + 80 < sizeof values; v++)
		n += (size_t)snprintf(values + n, sizeof values - n, "%s%llu %.60s", n > start ? ", " : "",
			(unsigned long long)v->value, v->name);
	if (n > 1 && n == start)
		values[n - 2] = 0;
	show(s, &(struct meaning){.kind = "field",
			.name = f->abbrev,
			.title = f->title,
			.text = f->help,
			.value = values,
			.concerns = p->title,
			.source = f->ref});
}

/* The name of a value as people write it: PING, window_update, "going away". */
static bool same_words(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		int x = tolower((unsigned char)*a), y = tolower((unsigned char)*b);
		bool gap_x = x == '_' || x == '-' || x == ' ', gap_y = y == '_' || y == '-' || y == ' ';
		if (gap_x != gap_y || (!gap_x && x != y))
			return false;
	}
	return *a == *b;
}

static void in_values(struct search *s, const struct dx_proto *p, const struct dx_field *f)
{
	for (const struct dx_name *v = f->names; v && v->name; v++) {
		char number[24], place[128];
		snprintf(number, sizeof number, f->type == DX_HEX ? "0x%llx" : "%llu",
			(unsigned long long)v->value);
		if (!same_words(s->word, v->name) && strcmp(s->word, number) != 0)
			continue;
		/* a bare number is only a word where numbers are: codes of three and more digits */
		if (strlen(number) < 3 && !same_words(s->word, v->name))
			continue;
		snprintf(place, sizeof place, "%s of %s (%s)", number, f->abbrev, p->title);
		show(s, &(struct meaning){.kind = "value",
				.name = v->name,
				.text = v->help ? v->help : f->help,
				.value = place,
				.source = f->ref});
	}
}

static void one_file(struct search *s, const char *kind, const char *path, const char *name)
{
	struct diags ds = {0};
	struct doc d;
	doc_init(&d, &ds);
	const struct doc_node *root = doc_read(&d, path), *title = doc_get(root, "title"),
			      *more = doc_get(root, "summary");
	show(s, &(struct meaning){.kind = kind,
			.name = name,
			.title = title && title->kind == DOC_SCALAR ? title->text : "",
			.text = more && more->kind == DOC_SCALAR ? more->text : ""});
	doc_fini(&d);
	diags_fini(&ds);
}

static void in_scenarios(struct search *s)
{
	static const char *const kinds[] = {"lecture", "exercise"};
	char *data = data_scenarios();
	for (int k = LIBRARY_LECTURES; k <= LIBRARY_EXERCISES; k++) {
		struct library_names l;
		library_list(data, (enum library_kind)k, &l);
		for (size_t i = 0; i < l.n; i++)
			if (is(s, l.name[i])) {
				char *path = library_path(data, (enum library_kind)k, l.name[i]);
				one_file(s, kinds[k], path, l.name[i]);
				xfree(path);
			}
		library_names_fini(&l);
	}
	xfree(data);
}

static void in_protocols(struct search *s)
{
	for (size_t i = 0; dx_protos[i]; i++) {
		const struct dx_proto *p = dx_protos[i];
		if (is(s, p->name))
			show(s, &(struct meaning){.kind = "protocol",
					.name = p->name,
					.text = p->title,
					.source = p->ref});
		for (uint32_t f = 0; f < p->n_fields; f++) {
			const char *dot = strrchr(p->fields[f].abbrev, '.');
			if (is(s, p->fields[f].abbrev) || (dot && !strcmp(dot + 1, s->word)))
				show_field(s, p, &p->fields[f]);
			in_values(s, p, &p->fields[f]);
		}
	}
}

static int explain(const char *word, bool json)
{
	struct search s = {.word = word, .json = json};
	words_near_init(&s.near, word);
	jsonw_init(&s.j, false);
	jsonw_open(&s.j, '[', false);
	in_keys(&s);
	in_metrics(&s);
	in_engine_figures(&s);
	in_things(&s);
	in_trace(&s);
	in_library(&s);
	in_scenarios(&s);
	in_facts(&s);
	in_protocols(&s);
	jsonw_close(&s.j, ']');
	char *text = jsonw_take(&s.j);
	if (json && s.found)
		fputs(text, stdout);
	xfree(text);
	if (s.found)
		return EXIT_FINE;
	if (s.near.best)
		ui_error("nothing is called `%s`; did you mean `%s`?", word, s.near.best);
	else
		ui_error("nothing is called `%s`; `backtalk list` shows what there is", word);
	return EXIT_INPUT;
}

int cmd_explain(int argc, char **argv)
{
	static const struct cmd_usage usage = {.name = "explain",
		.args = "WORD",
		.about = "Says what a word means: a key of the scenario language, a metric, a reason, a "
			 "record, a technique, a box, a "
			 "preset, a protocol or one of its fields, with its source.",
		.example = "backtalk explain heartbeat\nbacktalk explain ws.opcode\nbacktalk explain "
			   "--schema >backtalk.schema.json\n",
		.common = OPT_FORMAT};
	bool schema = false;
	struct opt_own own[] = {{.name = "schema",
		.help = "print the JSON Schema of the scenario language, for editors",
		.flag = &schema}};
	struct options o;
	int rc = options_parse(&o, &usage, own, 1, argc, argv);
	if (rc >= 0)
		return rc;
	if (schema && !o.nargs) {
		char *s = schema_text();
		fputs(s, stdout);
		xfree(s);
		rc = EXIT_FINE;
	} else if (o.nargs != 1 || schema || o.format == FORMAT_CSV) {
		rc = options_wrong(&usage, o.format == FORMAT_CSV ? "has no csv form" : "takes one word");
	} else {
		rc = explain(o.args[0], o.format == FORMAT_JSON);
	}
	options_fini(&o);
	return rc;
}
