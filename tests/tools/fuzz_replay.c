/*
 * fuzz_replay: runs a fuzz target without a fuzzer.
 *
 * Linked in place of libFuzzer, it hands every file of the given corpus folders to LLVMFuzzerTestOneInput: whole, cut
 * short at many places, and with a number of small changes drawn from a fixed seed, so that a plain compiler and a
 * sanitizer find again what was found once.  Each input is an allocation of exactly its size: reading one octet past
 * the end is seen.
 *
 * usage: fuzz_NAME [-m CHANGES] FILE|FOLDER...
 * The last line is "N passed, 0 failed"; a target that fails aborts, and the input that did it is named on stderr.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20, CUTS_MAX = 64 };

struct replay {
	unsigned changes;
	unsigned long files;
	char now[4200]; /* what is being tried, for the message when it fails */
};

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void feed(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	if (n)
		memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

/* Changes a few octets, repeats or removes a piece: what a broken or hostile peer might send instead. */
static size_t change(uint8_t *p, size_t n, size_t max, uint64_t *rng)
{
	unsigned steps = 1 + (unsigned)(draw(rng) % 4);

	while (steps-- && n) {
		size_t at = draw(rng) % n;
		size_t len = 1 + draw(rng) % 8;

		switch (draw(rng) % 5) {
		case 0:
			p[at] ^= (uint8_t)(1u << draw(rng) % 8);
			break;
		case 1:
			p[at] = (uint8_t)draw(rng);
			break;
		case 2:
			p[at] = (uint8_t)(draw(rng) % 2 ? 0xff : 0);
			break;
		case 3:
			if (len > n - at)
				len = n - at;
			memmove(p + at, p + at + len, n - at - len);
			n -= len;
			break;
		default:
			if (len > n - at)
				len = n - at;
			if (n + len > max)
				break;
			memmove(p + at + len, p + at, n - at);
			n += len;
		}
	}
	return n;
}

static void replay_bytes(struct replay *r, const char *name, const uint8_t *p, size_t n)
{
	uint8_t *work = malloc(n + 64);
	size_t step = n / CUTS_MAX + 1;
	uint64_t rng = 0x9e3779b97f4a7c15u ^ n;

	if (!work)
		abort();
	snprintf(r->now, sizeof r->now, "%s", name);
	feed(p, n);
	for (size_t cut = 0; cut < n; cut += step) {
		snprintf(r->now, sizeof r->now, "%s cut to %zu octets", name, cut);
		feed(p, cut);
	}
	for (unsigned i = 0; i < r->changes; i++) {
		size_t len = n;

		snprintf(r->now, sizeof r->now, "%s with change %u", name, i);
		if (n)
			memcpy(work, p, n);
		len = change(work, len, n + 64, &rng);
		feed(work, len);
	}
	free(work);
	r->files++;
}

static int replay_file(struct replay *r, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = malloc(INPUT_MAX);
	size_t n;

	if (!f || !p) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		free(p);
		if (f)
			fclose(f);
		return -1;
	}
	n = fread(p, 1, INPUT_MAX, f);
	fclose(f);
	replay_bytes(r, path, p, n);
	free(p);
	return 0;
}

static int replay_path(struct replay *r, const char *path)
{
	struct dirent **list;
	struct stat st;
	int n, err = 0;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(r, path);
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char full[4096];

		snprintf(full, sizeof full, "%s/%s", path, list[i]->d_name);
		if (list[i]->d_name[0] != '.' && replay_file(r, full) != 0)
			err = -1;
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return n < 0 ? -1 : err;
}

/* A failing target aborts or is stopped by a sanitizer: the input in hand must then still be named. */
static struct replay the_replay = {.changes = 64};

static void name_input(void)
{
	static const char said[] = "fuzz_replay: failed on ";

	if (the_replay.now[0] && write(2, said, sizeof said - 1) > 0 &&
		write(2, the_replay.now, strlen(the_replay.now)) > 0)
		(void)!write(2, "\n", 1);
}

static void on_abort(int sig)
{
	(void)sig;
	name_input();
}

#if defined(__SANITIZE_ADDRESS__)
void __sanitizer_set_death_callback(void (*fn)(void));
#endif

int main(int argc, char **argv)
{
	int opt, err = 0;

	while ((opt = getopt(argc, argv, "m:")) != -1) {
		if (opt != 'm')
			return 2;
		the_replay.changes = (unsigned)strtoul(optarg, NULL, 10);
	}
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_set_death_callback(name_input);
#endif
	signal(SIGABRT, on_abort);
	replay_bytes(&the_replay, "(nothing)", (const uint8_t *)"", 0);
	for (int i = optind; i < argc; i++)
		if (replay_path(&the_replay, argv[i]) != 0)
			err = 1;
	the_replay.now[0] = '\0';
	printf("%lu passed, %d failed\n", the_replay.files, err);
	return err;
}
