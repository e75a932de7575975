/*
 * term_curses: the terminal by ncurses. The only file that includes curses.h.
 *
 * Waiting is our own poll() on the terminal and on a pipe the signal handlers write to, so that an idle program
 * sleeps and a signal is never lost; curses is only asked for keys that are already there. SIGWINCH and SIGTSTP
 * are left to curses; after either everything is drawn anew.
 *
 * Drawing is ours: only cells that differ from what is on the screen are written, with nothing but cursor
 * addressing and attributes, in one write() a frame. (Curses would use REP, SU and scroll regions, which not every
 * terminal that calls itself xterm understands.)
 */
#include <curses.h>
/* <term.h> has a `struct term` of its own. */
#define term curses_term
#include <term.h>
#undef term

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"
#include "ui/term.h"

struct term {
	SCREEN *screen;
	int colours;
	enum theme theme;
	bool has_colour;
	/* capabilities, NULL where the terminal has none */
	const char *cup, *sgr0, *bold, *underline, *reverse, *setaf, *setab, *clear, *hide;
	bool wraps;
	struct cell *shown; /* what is on the screen */
	int shown_w, shown_h;
	bool stale; /* it is not known what is on the screen */
	char *out;
	size_t out_n, out_cap;
};

/* Signals know no arguments: what their handlers need is here. */
static struct termios saved_tio;
static volatile sig_atomic_t is_open, end_asked, continued;
static int wake_pipe[2] = {-1, -1};

static void on_end(int sig)
{
	int e = errno;
	end_asked = sig;
	ssize_t n = write(wake_pipe[1], "x", 1);
	(void)n;
	errno = e;
}

static void on_cont(int sig)
{
	int e = errno;
	(void)sig;
	continued = 1;
	ssize_t n = write(wake_pipe[1], "c", 1);
	(void)n;
	errno = e;
}

/* A crash: leave the alternate screen, show the cursor, give the line settings back, and die as before. */
static void on_crash(int sig)
{
	static const char reset[] = "\033[0m\033[?25h\033[?7h\033[?1l\033>\033[?1049l\r\n";
	if (is_open) {
		ssize_t n = write(STDOUT_FILENO, reset, sizeof reset - 1);
		(void)n;
		tcsetattr(STDIN_FILENO, TCSANOW, &saved_tio);
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

bool term_usable(void)
{
	const char *t = getenv("TERM");
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && t && *t && strcmp(t, "dumb") != 0;
}

bool term_utf8(void)
{
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *term_library(void)
{
	return curses_version();
}

int term_type_colours(void)
{
	int err = 0;
	if (setupterm(NULL, STDOUT_FILENO, &err) != OK)
		return -1;
	return tigetnum("colors");
}

int64_t term_now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void handlers(void)
{
	if (pipe(wake_pipe) == 0)
		for (int i = 0; i < 2; i++) {
			fcntl(wake_pipe[i], F_SETFL, O_NONBLOCK);
			fcntl(wake_pipe[i], F_SETFD, FD_CLOEXEC);
		}
	struct sigaction sa = {.sa_handler = on_end};
	sigemptyset(&sa.sa_mask);
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		sigaction(ends[i], &sa, NULL);
	sa.sa_handler = on_cont;
	sigaction(SIGCONT, &sa, NULL);
	sa.sa_handler = on_crash;
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
		sigaction(crashes[i], &sa, NULL);
}

static const char *capability(const char *name)
{
	const char *s = tigetstr(name);
	return s == (const char *)-1 ? NULL : s;
}

static void capabilities(struct term *t)
{
	t->cup = capability("cup");
	t->sgr0 = capability("sgr0");
	t->bold = capability("bold");
	t->underline = capability("smul");
	t->reverse = capability("rev");
	t->setaf = capability("setaf");
	t->setab = capability("setab");
	t->clear = capability("clear");
	t->hide = capability("civis");
	t->wraps = tigetflag("am") > 0 && tigetflag("xenl") <= 0;
	t->stale = true;
}

struct term *term_open(enum theme theme)
{
	tcgetattr(STDIN_FILENO, &saved_tio);
	/* An exported LINES or COLUMNS would hold curses to that size for ever; the terminal itself knows better. */
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
		unsetenv("LINES");
		unsetenv("COLUMNS");
	}
	use_tioctl(TRUE);
	SCREEN *scr = newterm(NULL, stdout, stdin);
	if (!scr)
		return NULL;
	struct term *t = xcalloc(1, sizeof *t);
	t->screen = scr;
	t->theme = theme;
	set_term(scr);
	is_open = 1;
	end_asked = 0;
	handlers();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	meta(stdscr, TRUE);
	set_escdelay(40);
	curs_set(0);
	define_key("\033[1;2D", KEY_SLEFT);
	define_key("\033[1;2C", KEY_SRIGHT);
	if (theme != THEME_MONO && has_colors()) {
		t->colours = tigetnum("colors");
		t->has_colour = t->colours >= 8;
	}
	if (!t->has_colour)
		t->theme = THEME_MONO;
	capabilities(t);
	refresh(); /* once: curses clears the screen; what is shown after that is ours */
	return t;
}

void term_close(struct term *t)
{
	if (!t)
		return;
	set_term(t->screen);
	curs_set(1);
	endwin();
	is_open = 0;
	delscreen(t->screen);
	for (int i = 0; i < 2; i++)
		if (wake_pipe[i] >= 0) {
			int fd = wake_pipe[i];
			wake_pipe[i] = -1;
			close(fd);
		}
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigemptyset(&sa.sa_mask);
	static const int all[] = {
		SIGCONT, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		sigaction(all[i], &sa, NULL);
	xfree(t->shown);
	xfree(t->out);
	xfree(t);
}

void term_size(const struct term *t, int *w, int *h)
{
	(void)t;
	getmaxyx(stdscr, *h, *w);
}

int term_colours(const struct term *t)
{
	return t->colours;
}

void term_theme(struct term *t, enum theme theme)
{
	t->theme = t->has_colour ? theme : THEME_MONO;
	t->stale = true;
}

/* ---------------------------------------------------------------------------------------------- output */

static void out(struct term *t, const char *s, size_t n)
{
	if (t->out_n + n > t->out_cap) {
		t->out_cap = (t->out_n + n) * 2;
		t->out = xrealloc(t->out, t->out_cap);
	}
	memcpy(t->out + t->out_n, s, n);
	t->out_n += n;
}

/* A terminfo string, without its padding ("$<5>"): terminals that need it are in museums. */
static void out_cap(struct term *t, const char *s)
{
	while (s && *s) {
		if (s[0] == '$' && s[1] == '<') {
			s = strchr(s, '>');
			s = s ? s + 1 : NULL;
			continue;
		}
		out(t, s++, 1);
	}
}

static void flush(struct term *t)
{
	for (size_t off = 0; off < t->out_n;) {
		ssize_t n = write(STDOUT_FILENO, t->out + off, t->out_n - off);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			break;
		off += n > 0 ? (size_t)n : 0;
	}
	t->out_n = 0;
}

static void set_look(struct term *t, const struct cell *k)
{
	struct look l = theme_look(t->theme, (enum style)k->style, t->has_colour ? t->colours : 0);
	bool reverse = ((l.attr & LOOK_REVERSE) != 0) != ((k->attr & CELL_REVERSE) != 0);
	out_cap(t, t->sgr0);
	if ((l.attr & LOOK_BOLD) || (k->attr & CELL_BOLD))
		out_cap(t, t->bold);
	if (l.attr & LOOK_UNDERLINE)
		out_cap(t, t->underline);
	if (reverse)
		out_cap(t, t->reverse);
	if (l.fg >= 0 && t->setaf)
		out_cap(t, tparm(t->setaf, (long)l.fg, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L));
	if (l.bg >= 0 && t->setab)
		out_cap(t, tparm(t->setab, (long)l.bg, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L));
}

static bool same_look(const struct cell *a, const struct cell *b)
{
	return a->style == b->style && a->attr == b->attr;
}

/* Writes what differs in row y. `pen` is the look in force, NULL none yet. */
static void show_row(struct term *t, const struct canvas *c, int y, int w, const struct cell **pen)
{
	const struct cell *want = &c->cell[y * c->w];
	struct cell *have = &t->shown[y * t->shown_w];
	int at = -1; /* the column the cursor is at, -1 elsewhere */
	for (int x = 0; x < w; x++) {
		if (!t->stale && want[x].ch == have[x].ch && same_look(&want[x], &have[x]))
			continue;
		if (at != x)
			out_cap(t, tparm(t->cup, (long)y, (long)x, 0L, 0L, 0L, 0L, 0L, 0L, 0L));
		if (!*pen || !same_look(*pen, &want[x])) {
			set_look(t, &want[x]);
			*pen = &want[x];
		}
		char u[4] = "";
		out(t, u, canvas_encode(want[x].ch, u));
		have[x] = want[x];
		at = x + 1 < w ? x + 1 : -1;
	}
}

void term_show(struct term *t, const struct canvas *c)
{
	int w, h;
	term_size(t, &w, &h);
	w = w < c->w ? w : c->w;
	h = h < c->h ? h : c->h;
	if (w != t->shown_w || h != t->shown_h) {
		t->shown = xrealloc(t->shown, (size_t)w * (size_t)h * sizeof *t->shown);
		t->shown_w = w;
		t->shown_h = h;
		t->stale = true;
	}
	if (continued) {
		continued = 0;
		t->stale = true;
	}
	if (t->stale) {
		out_cap(t, t->sgr0);
		out_cap(t, t->clear);
		out_cap(t, t->hide);
	}
	const struct cell *pen = NULL;
	for (int y = 0; y < h; y++)
		/* the last cell of a terminal that wraps at once would scroll the screen */
		show_row(t, c, y, y == h - 1 && t->wraps ? w - 1 : w, &pen);
	if (t->out_n)
		out_cap(t, t->sgr0);
	t->stale = false;
	flush(t);
}

static uint32_t translate(wint_t ch)
{
	static const struct {
		int curses;
		uint32_t key;
	} map[] = {{KEY_LEFT, KEY_LEFT_}, {KEY_RIGHT, KEY_RIGHT_}, {KEY_UP, KEY_UP_}, {KEY_DOWN, KEY_DOWN_},
		{KEY_SLEFT, KEY_SLEFT_}, {KEY_SRIGHT, KEY_SRIGHT_}, {KEY_PPAGE, KEY_PGUP_},
		{KEY_NPAGE, KEY_PGDN_}, {KEY_HOME, KEY_HOME_}, {KEY_END, KEY_END_}, {KEY_BTAB, KEY_STAB_},
		{KEY_BACKSPACE, KEY_BS_}, {KEY_DC, KEY_BS_}, {KEY_ENTER, '\r'}, {KEY_RESIZE, KEY_RESIZED}};
	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		if ((int)ch == map[i].curses)
			return map[i].key;
	if ((int)ch > KEY_F0 && (int)ch <= KEY_F0 + 12)
		return KEY_F_ + (uint32_t)((int)ch - KEY_F0);
	return KEY_LAST_;
}

/* A key curses has or can read at once. After a resize nothing is known of what the terminal still shows, even when
 * it has come back to the size drawn last. */
static bool pending(struct term *t, uint32_t *key)
{
	wint_t ch;
	timeout(0);
	int rc = get_wch(&ch);
	if (rc == ERR)
		return false;
	if (rc == KEY_CODE_YES)
		*key = translate(ch);
	else
		*key = ch == 127 || ch == 8 ? KEY_BS_ : ch == '\n' ? '\r' : (uint32_t)ch;
	t->stale |= *key == KEY_RESIZED;
	return true;
}

uint32_t term_key(struct term *t, int timeout_ms)
{
	int64_t until = timeout_ms < 0 ? INT64_MAX : term_now_ms() + timeout_ms;
	for (;;) {
		uint32_t key;
		if (end_asked)
			return KEY_GONE;
		if (continued)
			return KEY_RESIZED;
		if (pending(t, &key))
			return key;
		int64_t left = until == INT64_MAX ? -1 : until - term_now_ms();
		if (until != INT64_MAX && left <= 0)
			return KEY_NONE_;
		struct pollfd p[2] = {
			{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = wake_pipe[0], .events = POLLIN}};
		int n = poll(p, wake_pipe[0] >= 0 ? 2 : 1, (int)left);
		if (n < 0 && errno != EINTR)
			return KEY_GONE;
		for (char drain; n > 0 && wake_pipe[0] >= 0 && read(wake_pipe[0], &drain, 1) == 1;)
			;
		if (n > 0 && (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) && !(p[0].revents & POLLIN))
			return KEY_GONE;
		if (n > 0 && (p[0].revents & POLLIN) && !pending(t, &key)) {
			char probe; /* readable yet nothing to read: the other side is gone */
			struct pollfd again = {.fd = STDIN_FILENO, .events = POLLIN};
			if (poll(&again, 1, 0) > 0 && read(STDIN_FILENO, &probe, 1) == 0)
				return KEY_GONE;
		} else if (n > 0 && (p[0].revents & POLLIN)) {
			return key;
		}
	}
}
