/*
 * write_json: the object of the results format, version 1; one line with opts.one_line.
 */
#include <stdio.h>

#include "sim/grade/writers.h"
#include "sim/measure/jsonw.h"

static void put_test(struct jsonw *j, const struct grade_test *t, const struct grade_write_opts *o)
{
	char message[1024];
	bool hidden = t->show != SHOW_ALWAYS && !o->staff;
	grade_student_message(t, o, message, sizeof message);
	jsonw_open(j, '{', false);
	jsonw_kv(j, "id", t->id);
	jsonw_kv(j, "number", t->number);
	jsonw_kv(j, "title", t->title);
	jsonw_kreal(j, "points", t->points);
	jsonw_kreal(j, "max", t->max);
	jsonw_kv(j, "status", grade_status_name(t->status));
	jsonw_kv(j, "visibility", grade_show_name(t->show));
	jsonw_kv(j, "message", message);
	jsonw_key(j, "mistakes");
	jsonw_open(j, '[', true);
	for (size_t i = 0; i < t->nmistakes && !hidden; i++)
		jsonw_text(j, t->mistakes[i]);
	jsonw_close(j, ']');
	jsonw_key(j, "measures");
	jsonw_open(j, '{', true);
	for (size_t i = 0; i < t->nmeasures && !hidden; i++)
		jsonw_kreal(j, t->measures[i].name, t->measures[i].value);
	jsonw_close(j, '}');
	jsonw_kv(j, "replay", hidden ? "" : t->replay);
	jsonw_close(j, '}');
}

char *grade_write_json(const struct grade_result *r, const struct grade_write_opts *o)
{
	struct jsonw j;
	jsonw_init(&j, o->one_line);
	jsonw_open(&j, '{', false);
	jsonw_kint(&j, "backtalk", 1);
	jsonw_kv(&j, "exercise", r->exercise);
	jsonw_kint(&j, "version", (int64_t)r->version);
	jsonw_kv(&j, "student", r->student);
	jsonw_kv(&j, "file", r->file);
	jsonw_kbool(&j, "gradable", r->gradable);
	if (!r->gradable)
		jsonw_kv(&j, "errors", r->errors);
	jsonw_kreal(&j, "score", r->score);
	jsonw_kreal(&j, "max_score", r->max);
	jsonw_key(&j, "params");
	jsonw_open(&j, '{', true);
	for (size_t i = 0; i < r->nparams; i++)
		jsonw_kv(&j, r->params[i].name, r->params[i].value);
	jsonw_close(&j, '}');
	jsonw_kv(&j, "params_digest", r->digest);
	jsonw_kv(&j, "secret", r->practice ? "practice" : "given");
	jsonw_key(&j, "tests");
	jsonw_open(&j, '[', false);
	for (size_t i = 0; i < r->ntests; i++)
		put_test(&j, &r->tests[i], o);
	jsonw_close(&j, ']');
	jsonw_key(&j, "advice");
	jsonw_open(&j, '[', false);
	for (size_t i = 0; i < (o->staff ? r->nadvice : r->nadvice_visible); i++)
		jsonw_text(&j, r->advice[i]);
	jsonw_close(&j, ']');
	jsonw_close(&j, '}');
	return jsonw_take(&j);
}
