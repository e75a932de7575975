/*
 * term_curses: the terminal by ncurses. The only file that includes curses.h.
 *
 * Waiting is our own poll() on the terminal and on a pipe the signal handlers write to, so that an idle program
 * sleeps and a signal is never lost; curses is only asked for keys that are already there. SIGWINCH and
 * SIGTSTP are left to curses, which restores and redraws.
 */
#include <curses.h>

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"
#include "ui/term.h"

/* From <term.h>, which also declares a `struct term` of its own. */
extern int setupterm(const char *type, int fd, int *err);
extern int tigetnum(const char *name);

struct term {
	SCREEN *screen;
	int colours;
	enum theme theme;
	bool has_colour;
};

/* Signals know no arguments: what their handlers need is here. */
static struct termios saved_tio;
static volatile sig_atomic_t is_open, end_asked;
static int wake_pipe[2] = {-1, -1};

static void on_end(int sig)
{
	int e = errno;
	end_asked = sig;
	ssize_t n = write(wake_pipe[1], "x", 1);
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
	sa.sa_handler = on_crash;
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
		sigaction(crashes[i], &sa, NULL);
}

static void set_pairs(struct term *t)
{
	if (!t->has_colour)
		return;
	for (int s = 0; s < STYLES; s++) {
		struct look k = theme_look(t->theme, (enum style)s, t->colours);
		init_pair((short)(s + 1), (short)k.fg, (short)k.bg);
	}
	bkgd((chtype)' ' | COLOR_PAIR(STYLE_TEXT + 1));
}

struct term *term_open(enum theme theme)
{
	tcgetattr(STDIN_FILENO, &saved_tio);
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
		start_color();
		use_default_colors();
		t->colours = COLORS;
		t->has_colour = COLORS >= 8 && COLOR_PAIRS > STYLES;
	}
	if (!t->has_colour)
		t->theme = THEME_MONO;
	set_pairs(t);
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
	static const int all[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		sigaction(all[i], &sa, NULL);
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
	set_pairs(t);
	clearok(stdscr, TRUE);
}

static void show_row(struct term *t, const struct canvas *c, int y, int w)
{
	cchar_t row[CANVAS_W_MAX];
	for (int x = 0; x < w; x++) {
		const struct cell *k = &c->cell[y * c->w + x];
		struct look l = theme_look(t->theme, (enum style)k->style, t->colours);
		attr_t a = A_NORMAL;
		if ((l.attr & LOOK_BOLD) || (k->attr & CELL_BOLD))
			a |= A_BOLD;
		if (l.attr & LOOK_UNDERLINE)
			a |= A_UNDERLINE;
		bool reverse = (l.attr & LOOK_REVERSE) != 0;
		if (reverse != ((k->attr & CELL_REVERSE) != 0))
			a |= A_REVERSE;
		wchar_t s[2] = {(wchar_t)k->ch, 0};
		setcchar(&row[x], s, a, t->has_colour ? (short)(k->style + 1) : 0, NULL);
	}
	mvadd_wchnstr(y, 0, row, w);
}

void term_show(struct term *t, const struct canvas *c)
{
	int w, h;
	term_size(t, &w, &h);
	for (int y = 0; y < h && y < c->h; y++)
		show_row(t, c, y, w < c->w ? w : c->w);
	refresh();
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

/* A key curses has or can read at once. */
static bool pending(uint32_t *key)
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
	return true;
}

uint32_t term_key(struct term *t, int timeout_ms)
{
	(void)t;
	int64_t until = timeout_ms < 0 ? INT64_MAX : term_now_ms() + timeout_ms;
	for (;;) {
		uint32_t key;
		if (end_asked)
			return KEY_GONE;
		if (pending(&key))
			return key;
		int64_t left = until == INT64_MAX ? -1 : until - term_now_ms();
		if (until != INT64_MAX && left <= 0)
			return KEY_NONE_;
		struct pollfd p[2] = {
			{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = wake_pipe[0], .events = POLLIN}};
		int n = poll(p, wake_pipe[0] >= 0 ? 2 : 1, (int)left);
		if (n < 0 && errno != EINTR)
			return KEY_GONE;
		if (n > 0 && (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) && !(p[0].revents & POLLIN))
			return KEY_GONE;
		if (n > 0 && (p[0].revents & POLLIN) && !pending(&key)) {
			char probe; /* readable yet nothing to read: the other side is gone */
			struct pollfd again = {.fd = STDIN_FILENO, .events = POLLIN};
			if (poll(&again, 1, 0) > 0 && read(STDIN_FILENO, &probe, 1) == 0)
				return KEY_GONE;
		} else if (n > 0 && (p[0].revents & POLLIN)) {
			return key;
		}
	}
}
