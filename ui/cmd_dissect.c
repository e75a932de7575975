/*
 * cmd_dissect: octets from a file, standard input or the command line, as a tree of fields with their bits.
 */
#include "proto/base/codec.h"
#include "proto/dissect/dissect.h"
#include "ui/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (64u << 20) /* octets dissected at once */

static const struct cmd_usage usage = {
	.name = "dissect",
	.args = "[FILE|-]",
	.about = "Shows octets as a tree of fields: which bits, which value, what it means. Ranges are "
		 "octets, or octet:bits. "
		 "A file is read as octets; --hex and --hex-file take hex digits.",
	.example = "backtalk dissect --as ws --hex 818537fa213d7f9f4d5158\n"
		   "printf 'data: hi\\n\\n' | backtalk dissect --as sse -\n",
	.common = OPT_FORMAT | OPT_QUIET,
};

static int no_proto(const char *as)
{
	const char *words[64];
	size_t n = 0;
	for (; n < sizeof words / sizeof *words && dx_protos[n] != NULL; n++)
		words[n] = dx_protos[n]->name;
	const char *near = as != NULL ? options_nearest(as, words, n) : NULL;
	fprintf(stderr, "backtalk dissect: ");
	if (as == NULL)
		fprintf(stderr, "--as says which protocol the octets are in");
	else
		fprintf(stderr, "no protocol is called '%s'%s%s%s", as, near ? "; did you mean '" : "",
			near ? near : "", near ? "'?" : "");
	fprintf(stderr, "\nThere are:");
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %s", words[i]);
	fprintf(stderr, "\n");
	return EXIT_INPUT;
}

/* Reads all of a stream. */
static int slurp(FILE *f, const char *name, struct buf *in)
{
	size_t n;
	do {
		if (!buf_reserve(in, 65536)) {
			ui_error("dissect: %s is longer than %u octets", name, INPUT_MAX);
			return EXIT_INPUT;
		}
		n = fread(in->p + in->n, 1, 65536, f);
		in->n += n;
	} while (n > 0);
	if (ferror(f)) {
		ui_error("dissect: %s: %s", name, strerror(errno));
		return EXIT_ENV;
	}
	return -1;
}

static int read_input(const char *path, const char *hex, struct buf *in)
{
	if (hex != NULL) {
		if (hex_get(in, bytes_str(hex)))
			return -1;
		ui_error("dissect: --hex takes an even number of hex digits");
		return EXIT_INPUT;
	}
	if (path == NULL || strcmp(path, "-") == 0)
		return slurp(stdin, "standard input", in);
	FILE *f = fopen(path, "rb");
	if (f == NULL) {
		ui_error("dissect: %s: %s", path, strerror(errno));
		return EXIT_ENV;
	}
	int rc = slurp(f, path, in);
	fclose(f);
	return rc;
}

static int unhex(struct buf *in)
{
	struct buf out;
	buf_init(&out, &alloc_libc, INPUT_MAX);
	if (!hex_get(&out, buf_bytes(in))) {
		buf_fini(&out);
		ui_error("dissect: the input is not an even number of hex digits");
		return EXIT_INPUT;
	}
	buf_fini(in);
	*in = out;
	return -1;
}

static int show(const struct dx_proto *p, struct bytes in, const struct dx_hints *h, enum out_format format)
{
	struct dx_tree t;
	struct buf out;
	dx_tree_init(&t, &alloc_libc);
	buf_init(&out, &alloc_libc, SIZE_MAX);
	bool ok = dx_dissect(&t, p, in, h);
	if (format == FORMAT_JSON)
		dx_put_json(&out, &t, p);
	else
		dx_put_text(&out, &t);
	ok = ok && !out.failed;
	if (!ok)
		ui_error("dissect: out of memory");
	else if (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
		ok = false;
	buf_fini(&out);
	dx_tree_fini(&t);
	return ok ? EXIT_FINE : EXIT_ENV;
}

int cmd_dissect(int argc, char **argv)
{
	const char *as = NULL, *hex = NULL, *from = NULL, *method = NULL;
	bool hex_file = false;
	struct opt_own own[] = {
		{.name = "as", .arg = "PROTO", .help = "the protocol the octets are in", .value = &as},
		{.name = "hex", .arg = "HEX", .help = "the octets themselves", .value = &hex},
		{.name = "hex-file", .help = "the file holds hex digits", .flag = &hex_file},
		{.name = "from",
			.arg = "client|server",
			.help = "who sent the octets, where the protocol does not say",
			.value = &from},
		{.name = "method",
			.arg = "METHOD",
			.help = "HTTP responses: the request's method",
			.value = &method},
	};
	struct options o;
	struct dx_hints h = {.to_server = false};
	int rc = options_parse(&o, &usage, own, sizeof own / sizeof *own, argc, argv);
	if (rc >= 0)
		return rc;
	const struct dx_proto *p = as != NULL ? dx_proto_find(as) : NULL;
	struct buf in;
	buf_init(&in, &alloc_libc, INPUT_MAX);
	if (p == NULL)
		rc = no_proto(as);
	else if (o.nargs > 1 || (o.nargs == 1 && hex != NULL))
		rc = options_wrong(&usage, "one input at a time");
	else if (from != NULL && strcmp(from, "client") != 0 && strcmp(from, "server") != 0)
		rc = options_wrong(&usage, "--from is client or server");
	else if (o.format != FORMAT_TEXT && o.format != FORMAT_JSON)
		rc = options_wrong(&usage, "--format is text or json here");
	else
		rc = read_input(o.nargs == 1 ? o.args[0] : NULL, hex, &in);
	if (rc < 0 && hex_file)
		rc = unhex(&in);
	if (rc < 0 && p != NULL) {
		h.direction_known = from != NULL;
		h.to_server = from != NULL && from[0] == 'c';
		h.pmd = true;
		h.method = bytes_str(method);
		rc = show(p, buf_bytes(&in), &h, o.format);
	}
	buf_fini(&in);
	options_fini(&o);
	return rc;
}
