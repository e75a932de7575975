/*
 * pictures: screens as files, without a terminal: SVG, a page with the SVG and its text, an asciicast.
 *
 * All show what the terminal would: 100 columns, 30 lines, the end of the run (for a ladder: its first fault).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/jtext.h"
#include "sim/core/xmalloc.h"
#include "ui/outfile.h"
#include "ui/show.h"

#define PICTURE_W 100
#define PICTURE_H 30
#define CAST_STEP_NS INT64_C(100000000) /* ten pictures a second */
#define CAST_FRAMES_MAX 6000

struct text {
	char *p;
	size_t n, cap;
};

static void put(struct text *t, const char *s)
{
	size_t n = strlen(s);
	if (t->n + n + 1 > t->cap) {
		t->cap = (t->n + n + 1) * 2;
		t->p = xrealloc(t->p, t->cap);
	}
	memcpy(t->p + t->n, s, n + 1);
	t->n += n;
}

static void begin(struct look_at *v, struct show *s, const struct options *o, bool compare)
{
	look_init(v, s);
	int theme = o->theme ? theme_find(o->theme) : -1;
	v->theme = o->no_color ? THEME_MONO : theme < 0 ? THEME_LIGHT : (enum theme)theme;
	v->ascii = o->ascii;
	v->base = v->top = v->home = compare && s->nrun > 1 ? KEYS_COMPARE : KEYS_LADDER;
}

static struct canvas *still(struct show *s, const struct options *o, bool compare, enum theme *theme)
{
	struct look_at v;
	begin(&v, s, o, compare);
	memset(v.asked, ASKED_DONE, sizeof v.asked);
	look_seek(s, &v, s->end_ns);
	if (v.base == KEYS_LADDER) {
		const struct ladder *l = show_ladder(s, v.run, &v);
		size_t odd = ladder_odd(l, SIZE_MAX, true);
		if (odd != SIZE_MAX)
			look_row(s, &v, odd);
	}
	struct canvas *c = canvas_new(PICTURE_W, PICTURE_H, v.ascii);
	screen_draw(s, &v, c);
	*theme = v.theme;
	return c;
}

static void escaped(struct text *t, const char *s)
{
	for (; *s; s++) {
		char one[2] = {*s, 0};
		put(t, *s == '<'    ? "&lt;"
			: *s == '>' ? "&gt;"
			: *s == '&' ? "&amp;"
			: *s == '"' ? "&quot;"
				    : one);
	}
}

/* The picture, and under it the same as text for those who cannot see it. */
static char *page(struct show *s, const struct canvas *c, enum theme theme)
{
	struct text t = {0};
	char *svg = grid_svg(c, theme), *text = grid_text(c), sum[800];
	put(&t, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>");
	escaped(&t, s->title);
	put(&t, "</title>\n<style>body{margin:2em "
		"auto;max-width:70em;font-family:sans-serif}svg{width:100%;height:auto}</style>\n<h1>");
	escaped(&t, s->title);
	put(&t, "</h1>\n<p>");
	show_sum_up(s, s->end_ns, sum, sizeof sum);
	escaped(&t, sum);
	put(&t, "</p>\n");
	put(&t, svg);
	put(&t, "<details><summary>The same as text</summary><pre>\n");
	escaped(&t, text);
	put(&t, "</pre></details>\n</html>\n");
	xfree(svg);
	xfree(text);
	return t.p;
}

/* A JSON string; terminals want a carriage return before each new line. */
static void json_string(struct text *t, const char *s)
{
	struct buf lines, quoted;
	buf_init(&lines, &xalloc, SIZE_MAX);
	buf_init(&quoted, &xalloc, SIZE_MAX);
	for (; *s; s++) {
		if (*s == '\n')
			buf_u8(&lines, '\r');
		buf_u8(&lines, (uint8_t)*s);
	}
	jt_quote(&quoted, buf_bytes(&lines));
	buf_u8(&quoted, 0);
	put(t, (const char *)quoted.p);
	buf_fini(&lines);
	buf_fini(&quoted);
}

/* asciicast v2: a header, then [seconds, "o", text] for every picture that differs from the one before. */
static char *cast(struct show *s, const struct options *o, bool compare)
{
	struct text t = {0};
	struct look_at v;
	char line[200], *before = NULL;
	int64_t clock = 0, asked = -1;
	begin(&v, s, o, compare);
	v.playing = true;
	snprintf(line, sizeof line, "{\"version\": 2, \"width\": %d, \"height\": %d, \"title\": ", PICTURE_W,
		PICTURE_H);
	put(&t, line);
	json_string(&t, s->title);
	put(&t, "}\n");
	for (int i = 0; i < CAST_FRAMES_MAX; i++, clock += CAST_STEP_NS) {
		struct canvas *c = canvas_new(PICTURE_W, PICTURE_H, v.ascii);
		screen_draw(s, &v, c);
		char *now = grid_ansi(c, v.theme);
		canvas_free(c);
		if (!before || strcmp(before, now) != 0) {
			snprintf(line, sizeof line, "[%" PRId64 ".%06d, \"o\", ", clock / 1000000000,
				(int)(clock / 1000 % 1000000));
			put(&t, line);
			now[strlen(now) - 1] = 0; /* the last newline would scroll */
			struct text f = {0};
			put(&f, "\033[H\033[2J");
			put(&f, now);
			json_string(&t, f.p);
			xfree(f.p);
			put(&t, "]\n");
			now[strlen(now)] = '\n';
		}
		xfree(before);
		before = now;
		if (v.top == KEYS_QUESTION) { /* five seconds to think, five to read the answer */
			asked = asked < 0 ? clock : asked;
			if (clock - asked >= INT64_C(5000000000)) {
				look_action(s, &v, ACT_REVEAL);
				asked = clock;
			}
			continue;
		}
		asked = -1;
		if (!v.playing)
			break;
		look_play(s, &v, CAST_STEP_NS);
	}
	xfree(before);
	return t.p;
}

bool pictures_write(struct show *s, const struct options *o, bool compare)
{
	bool fine = true;
	enum theme theme;
	if (o->svg || o->html) {
		struct canvas *c = still(s, o, compare, &theme);
		if (o->svg) {
			char *svg = grid_svg(c, theme);
			fine &= outfile_whole(o->svg, svg, strlen(svg));
			xfree(svg);
		}
		if (o->html) {
			char *html = page(s, c, theme);
			fine &= outfile_whole(o->html, html, strlen(html));
			xfree(html);
		}
		canvas_free(c);
	}
	if (o->cast) {
		char *text = cast(s, o, compare);
		fine &= outfile_whole(o->cast, text, strlen(text));
		xfree(text);
	}
	return fine;
}
