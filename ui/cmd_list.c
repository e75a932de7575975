/*
 * list: what there is. Everything comes from the tables and folders the program itself works with.
 */
#include <stdio.h>
#include <string.h>

#include "proto/tech/tech.h"
#include "sim/core/xmalloc.h"
#include "sim/measure/metrics.h"
#include "sim/scenario/doc.h"
#include "sim/scenario/facts.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/library.h"
#include "sim/scenario/words.h"
#include "sim/trace/trace.h"
#include "ui/commands.h"
#include "ui/data.h"
#include "ui/table.h"

static void row3(struct table *t, const char *a, const char *b, const char *c)
{
	table_row(t, (const char *const[]){a, b, c});
}

/* Top-level texts of a scenario or exercise file; a broken file is listed too, saying so. */
static void file_row(struct table *t, const char *path, const char *name, const char *second)
{
	struct diags ds = {0};
	struct doc d;
	doc_init(&d, &ds);
	const struct doc_node *root = doc_read(&d, path);
	const struct doc_node *title = doc_get(root, "title"), *more = doc_get(root, second);
	row3(t, name, title && title->kind == DOC_SCALAR ? title->text : "",
		!root                              ? "cannot be read; `backtalk check` says why"
		: more && more->kind == DOC_SCALAR ? more->text
						   : "");
	doc_fini(&d);
	diags_fini(&ds);
}

static void list_files(struct table *t, enum library_kind kind, const char *second)
{
	table_init(t, (const char *const[]){"name", "title", second, NULL});
	char *data = data_scenarios();
	struct library_names l;
	library_list(data, kind, &l);
	for (size_t i = 0; i < l.n; i++) {
		char *path = library_path(data, kind, l.name[i]);
		file_row(t, path, l.name[i], second);
		xfree(path);
	}
	library_names_fini(&l);
	xfree(data);
}

static void list_lectures(struct table *t)
{
	list_files(t, LIBRARY_LECTURES, "summary");
}
static void list_exercises(struct table *t)
{
	list_files(t, LIBRARY_EXERCISES, "kind");
}

static void list_techniques(struct table *t)
{
	table_init(t, (const char *const[]){"name", "title", "source", "what", NULL});
	for (int i = 0; i < TECH_KINDS; i++) {
		const struct tech_def *d = tech_def((enum tech_kind)i);
		table_row(t, (const char *const[]){d->name, d->title, d->ref, d->sentence});
	}
}

static void list_boxes(struct table *t)
{
	table_init(t, (const char *const[]){"name", "title", "source", "what", NULL});
#define X(name, title, source, what) table_row(t, (const char *const[]){name, title, source, what});
#include "sim/scenario/boxes.def"
#undef X
}

static void list_presets(struct table *t)
{
	table_init(t, (const char *const[]){"name", "for", "source", "title", NULL});
	char *data = data_scenarios();
	struct library_names l;
	library_list(data, LIBRARY_PRESETS, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct diags ds = {0};
		struct doc d;
		struct preset p;
		char *path = library_path(data, LIBRARY_PRESETS, l.name[i]);
		doc_init(&d, &ds);
		if (preset_read(&d, path, &p))
			table_row(t, (const char *const[]){l.name[i], p.applies_to, p.source, p.title});
		else
			table_row(t, (const char *const[]){l.name[i], "", "", "cannot be read"});
		doc_fini(&d);
		diags_fini(&ds);
		xfree(path);
	}
	library_names_fini(&l);
	xfree(data);
}

static void list_metrics(struct table *t)
{
	table_init(t, (const char *const[]){"name", "unit", "what", NULL});
	for (size_t i = 0; i < metric_count(); i++)
		row3(t, metric_at(i)->name, metric_at(i)->unit, metric_at(i)->help);
}

static void list_reasons(struct table *t)
{
	table_init(t, (const char *const[]){"name", "parameter", "source", "what", NULL});
	for (int i = 1; i < TRACE_REASONS; i++) {
		const struct trace_reason_def *r = trace_reason_def((enum trace_reason)i);
		table_row(t, (const char *const[]){r->name, r->param, r->source, r->sentence});
	}
}

static void list_records(struct table *t)
{
	table_init(t, (const char *const[]){"name", "layer", "what", NULL});
	for (int i = 0; i < TRACE_KINDS; i++) {
		const struct trace_kind_def *k = trace_kind_def((enum trace_kind)i);
		row3(t, k->name, trace_layer_name(k->layer), k->sentence);
	}
}

static void list_facts(struct table *t)
{
	table_init(t, (const char *const[]){"id", "what", "value", "source", NULL});
	for (size_t i = 0; i < fact_count(); i++) {
		const struct fact *f = fact_at(i);
		table_row(t, (const char *const[]){f->id, f->what, f->value, f->source});
	}
}

static void list_keys(struct table *t)
{
	table_init(t, (const char *const[]){"path", "value", "default", "what", NULL});
	for (size_t i = 1; i < key_count(); i++) {
		char expects[700];
		key_expects(key_at(i), expects, sizeof expects);
		table_row(t, (const char *const[]){key_at(i)->path + (*key_at(i)->path == '@'), expects,
				     key_at(i)->dflt, key_at(i)->help});
	}
}

static const struct topic {
	const char *name, *what;
	void (*list)(struct table *t);
} topics[] = {
	{"lectures", "scenarios with a story, a question and knobs", list_lectures},
	{"exercises", "tasks that are graded", list_exercises},
	{"techniques", "ways in which a server talks back", list_techniques},
	{"boxes", "what stands between client and server", list_boxes},
	{"presets", "ready values for networks and boxes, each with its source", list_presets},
	{"metrics", "figures of a run", list_metrics},
	{"reasons", "why something was lost, cut, late or tried again", list_reasons},
	{"records", "what a trace can say", list_records},
	{"facts", "where the numbers come from", list_facts},
	{"keys", "the words of the scenario language", list_keys},
};

#define NTOPICS (sizeof topics / sizeof *topics)

static int list_topic(const struct cmd_usage *u, const char *name, enum out_format f)
{
	struct words_near near;
	words_near_init(&near, name);
	for (size_t i = 0; i < NTOPICS; i++) {
		if (!strcmp(topics[i].name, name)) {
			struct table t;
			topics[i].list(&t);
			table_print(&t, f);
			table_fini(&t);
			return EXIT_FINE;
		}
		words_near_try(&near, topics[i].name);
	}
	return near.best ? options_wrong(u, "there is no list of `%s`; did you mean `%s`?", name, near.best)
			 : options_wrong(u, "there is no list of `%s`", name);
}

int cmd_list(int argc, char **argv)
{
	static const struct cmd_usage usage = {.name = "list",
		.args = "[lectures|exercises|techniques|boxes|presets|metrics|reasons|records|facts|keys]",
		.about = "Lists what there is. Without an argument: the lists.",
		.example = "backtalk list lectures\nbacktalk list metrics --format json\n",
		.common = OPT_FORMAT};
	struct options o;
	int rc = options_parse(&o, &usage, NULL, 0, argc, argv);
	if (rc >= 0)
		return rc;
	if (o.nargs > 1) {
		rc = options_wrong(&usage, "takes one list at a time");
	} else if (o.nargs == 1) {
		rc = list_topic(&usage, o.args[0], o.format);
	} else {
		struct table t;
		table_init(&t, (const char *const[]){"list", "what", NULL});
		for (size_t i = 0; i < NTOPICS; i++)
			table_row(&t, (const char *const[]){topics[i].name, topics[i].what});
		table_print(&t, o.format);
		table_fini(&t);
		rc = EXIT_FINE;
	}
	options_fini(&o);
	return rc;
}
