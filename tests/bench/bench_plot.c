/*
 * bench_plot: cost against the number of clients as an SVG picture.
 *
 * Reads lines `PANEL SERIES CLIENTS VALUE` (a comma in SERIES is shown as a space) and writes two panels with logarithmic axes:
 * microseconds for a unit of work (PANEL `unit`; `floor` is drawn thin and grey there) and nanoseconds for an event (`event`), each
 * with a dashed line through its first point that grows as the logarithm of the number of clients.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_MAX 12
#define POINTS_MAX 64

enum { W = 1160, H = 560, TOP = 96, BOTTOM = 84, LEFT = 78, PANEL_W = 470, GAP = 84 };

struct series {
	char panel[16], name[40];
	int n;
	double x[POINTS_MAX], y[POINTS_MAX];
};

struct axes {
	double x0, x1, y0, y1; /* decimal logarithms */
	int left;
};

static struct series all[SERIES_MAX];
static int n_all;

static struct series *series_of(const char *panel, const char *name)
{
	for (int i = 0; i < n_all; i++)
		if (strcmp(all[i].panel, panel) == 0 && strcmp(all[i].name, name) == 0)
			return &all[i];
	if (n_all == SERIES_MAX)
		return NULL;
	struct series *s = &all[n_all++];
	snprintf(s->panel, sizeof s->panel, "%s", panel);
	snprintf(s->name, sizeof s->name, "%s", name);
	return s;
}

static void read_all(void)
{
	char panel[16], name[40], value[40];
	double x;
	while (scanf("%15s %39s %lf %39s", panel, name, &x, value) == 4) {
		char *end;
		double y = strtod(value, &end);
		struct series *s = *end == '\0' && x > 0 && y > 0 ? series_of(panel, name) : NULL;
		if (s == NULL || s->n == POINTS_MAX)
			continue;
		s->x[s->n] = x;
		s->y[s->n++] = y;
	}
}

static const char *colour(const struct series *s)
{
	static const struct {
		const char *name, *colour;
	} known[] = {{"polling", "#c2410c"}, {"SSE", "#1d4ed8"}, {"WebSocket", "#15803d"}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(s->name, known[i].name) == 0)
			return known[i].colour;
	return "#8a8f98";
}

static double px(const struct axes *a, double x)
{
	return a->left + (log10(x) - a->x0) / (a->x1 - a->x0) * PANEL_W;
}

static double py(const struct axes *a, double y)
{
	return H - BOTTOM - (log10(y) - a->y0) / (a->y1 - a->y0) * (H - BOTTOM - TOP);
}

/* The next of 1, 2, 5, 10 … at or below (above) a value. */
static double nice(double v, bool up)
{
	static const double steps[] = {1, 2, 5, 10};
	double p = pow(10, floor(log10(v)));
	for (int i = 0; i < 4; i++) {
		int k = up ? i : 3 - i;
		if (up ? steps[k] * p >= v * 0.9999 : steps[k] * p <= v * 1.0001)
			return steps[k] * p;
	}
	return v;
}

static bool in_panel(const struct series *s, const char *panel)
{
	return strcmp(s->panel, panel) == 0 || (strcmp(panel, "unit") == 0 && strcmp(s->panel, "floor") == 0);
}

static struct axes axes_for(const char *panel, int left)
{
	double x0 = 1e300, x1 = 0, y0 = 1e300, y1 = 0;
	for (int i = 0; i < n_all; i++)
		for (int k = 0; in_panel(&all[i], panel) && k < all[i].n; k++) {
			x0 = fmin(x0, all[i].x[k]);
			x1 = fmax(x1, all[i].x[k]);
			y0 = fmin(y0, all[i].y[k]);
			y1 = fmax(y1, all[i].y[k]);
			if (strcmp(panel, "event") == 0 && all[i].x[0] > 1) /* room for the logarithm */
				y1 = fmax(y1, all[i].y[0] * log10(all[i].x[k]) / log10(all[i].x[0]));
		}
	if (y1 <= 0)
		return (struct axes){2, 6, 0, 1, left};
	struct axes a = {
		log10(x0), log10(x1), log10(nice(y0 / 1.1, false)), log10(nice(y1 * 1.1, true)), left};
	a.x1 = a.x1 <= a.x0 ? a.x0 + 1 : a.x1;
	a.y1 = a.y1 <= a.y0 ? a.y0 + 1 : a.y1;
	return a;
}

static void label_clients(double n, char *to, size_t size)
{
	if (n >= 1e6)
		snprintf(to, size, "%g million", n / 1e6);
	else if (n >= 1e3)
		snprintf(to, size, "%g,000", n / 1e3);
	else
		snprintf(to, size, "%g", n);
}

static void grid(const struct axes *a, const char *title, const char *unit)
{
	static const double steps[] = {1, 2, 5};
	char what[40];
	printf("<g><text class=\"title\" x=\"%d\" y=\"%d\">%s</text>\n", a->left, TOP - 34, title);
	printf("<text class=\"note\" x=\"%d\" y=\"%d\">%s</text>\n", a->left, TOP - 15, unit);
	for (int e = (int)floor(a->y0) - 1; e <= (int)ceil(a->y1); e++)
		for (int i = 0; i < 3; i++) {
			double v = steps[i] * pow(10, e), y = py(a, v);
			if (log10(v) < a->y0 - 1e-9 || log10(v) > a->y1 + 1e-9)
				continue;
			printf("<path class=\"%s\" d=\"M%d %.1fH%d\"/>", i == 0 ? "grid major" : "grid",
				a->left, y, a->left + PANEL_W);
			printf("<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
				a->left - 9, y + 4, v);
		}
	for (int e = (int)ceil(a->x0 - 1e-9); e <= (int)floor(a->x1 + 1e-9); e++) {
		double v = pow(10, e), x = px(a, v);
		label_clients(v, what, sizeof what);
		printf("<path class=\"grid\" d=\"M%.1f %dV%d\"/>", x, TOP, H - BOTTOM);
		printf("<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x,
			H - BOTTOM + 20, what);
	}
	printf("<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">clients</text></g>\n",
		a->left + PANEL_W / 2, H - BOTTOM + 40);
}

static void shown_name(const struct series *s, char *to, size_t size)
{
	snprintf(to, size, "%s", s->name);
	for (char *c = to; *c != '\0'; c++)
		*c = *c == ',' ? ' ' : *c;
}

static void line(const struct axes *a, const struct series *s)
{
	bool thin = strcmp(s->panel, "floor") == 0;
	printf("<path fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" stroke-linejoin=\"round\" d=\"",
		colour(s), thin ? "1.5" : "2.5");
	for (int i = 0; i < s->n; i++)
		printf("%c%.1f %.1f", i == 0 ? 'M' : 'L', px(a, s->x[i]), py(a, s->y[i]));
	puts("\"/>");
	if (thin && s->n > 0) {
		char shown[40];
		shown_name(s, shown, sizeof shown);
		printf("<text class=\"floor\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", px(a, s->x[0]) + 6,
			py(a, s->y[0]) - 9, shown);
	}
	for (int i = 0; !thin && i < s->n; i++)
		printf("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.6\" fill=\"%s\" stroke=\"#fff\" "
		       "stroke-width=\"1.2\"/>\n",
			px(a, s->x[i]), py(a, s->y[i]), colour(s));
}

static void logarithm(const struct axes *a, const struct series *s)
{
	if (s->n < 2 || s->x[0] <= 1)
		return;
	printf("<path class=\"log\" stroke=\"%s\" d=\"", colour(s));
	for (int i = 0; i <= 40; i++) {
		double t = log10(s->x[0]) + (log10(s->x[s->n - 1]) - log10(s->x[0])) * i / 40;
		printf("%c%.1f %.1f", i == 0 ? 'M' : 'L', px(a, pow(10, t)),
			py(a, s->y[0] * t / log10(s->x[0])));
	}
	puts("\"/>");
}

/* One row of keys above the panels' feet, from left to right. */
static void keys(const char *panel, const struct axes *a)
{
	int x = a->left, y = H - 18;
	for (int i = 0; i < n_all; i++) {
		const struct series *s = &all[i];
		if (strcmp(s->panel, panel) != 0)
			continue;
		char shown[40];
		shown_name(s, shown, sizeof shown);
		printf("<path stroke=\"%s\" stroke-width=\"3\" d=\"M%d %dh20\"/>", colour(s), x, y - 4);
		printf("<text class=\"key\" x=\"%d\" y=\"%d\">%s</text>\n", x + 26, y, shown);
		x += 42 + (int)strlen(shown) * 7;
	}
	if (strcmp(panel, "event") == 0) {
		printf("<path class=\"log\" stroke=\"#555\" d=\"M%d %dh20\"/>", x, y - 4);
		printf("<text class=\"key\" x=\"%d\" y=\"%d\">growing as log n</text>\n", x + 26, y);
	}
}

static void panel(const char *name, int left, const char *title, const char *unit)
{
	struct axes a = axes_for(name, left);
	grid(&a, title, unit);
	for (int i = 0; i < n_all; i++)
		if (strcmp(all[i].panel, "event") == 0 && strcmp(name, "event") == 0)
			logarithm(&a, &all[i]);
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < n_all; i++)
			if (in_panel(&all[i], name) && (strcmp(all[i].panel, "floor") == 0) == (pass == 0))
				line(&a, &all[i]);
	keys(name, &a);
}

int main(void)
{
	read_all();
	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
	       "font-family=\"'Source Sans 3','DejaVu Sans',Verdana,sans-serif\">\n",
		W, H, W, H);
	puts("<style>.grid{stroke:#e3e5e9;fill:none}.major{stroke:#c3c7ce}.tick{font-size:12px;fill:#555b66}"
	     ".title{font-size:17px;font-weight:600;fill:#1c2026}.note{font-size:12.5px;fill:#555b66}.key{"
	     "font-size:13px;fill:#1c2026}"
	     ".floor{font-size:12px;fill:#6b7079;paint-order:stroke;stroke:#fff;stroke-width:4px}.log{fill:"
	     "none;stroke-width:1.3;stroke-dasharray:5 "
	     "4;opacity:.75}</style>");
	printf("<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", W, H);
	panel("unit", LEFT, "What a unit of work costs",
		"µs of processor for a request answered or a message delivered");
	panel("event", LEFT + PANEL_W + GAP, "What an event costs",
		"ns of processor, start and results included");
	puts("</svg>");
	return 0;
}
