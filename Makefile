# backtalk: build, test, install.  `make help` lists the goals.
#
# Sources are found by being there: every proto/**/*.c goes into libproto.a, sim/**/*.c into libsim.a, ui/**/*.c into
# libui.a (ui/main.c into the program), every tests/*/test_*.c and tests/prop/*.c becomes a test binary of its own.
#
#   make [VARIANT=release|debug|asan|fuzz|coverage] [CC=gcc|clang] [WERROR=] [V=1]

VERSION := 0.1.0

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
.SECONDEXPANSION:

SHELL := /bin/sh
ifeq ($(filter-out default undefined,$(origin CC)),)
CC := gcc
endif
AR ?= ar
ifeq ($(filter-out default undefined,$(origin AR)),)
AR := ar
endif
PKG_CONFIG ?= pkg-config
VARIANT ?= release
ifeq ($(VARIANT),fuzz)
CC := clang
endif
WERROR ?= -Werror

# One folder per variant, and per compiler when it is not gcc, so that objects never mix.
B ?= build/$(VARIANT)$(if $(filter fuzz,$(VARIANT))$(filter gcc cc,$(notdir $(CC))),,-$(notdir $(CC)))

PREFIX ?= /usr/local
DESTDIR ?=
BINDIR := $(PREFIX)/bin
DATADIR := $(PREFIX)/share/backtalk
MANDIR := $(PREFIX)/share/man/man1

# ---------------------------------------------------------------------------------------------- packages and flags
LIB_PKGS := ncursesw libpcap libfyaml jansson zlib libcrypto
TEST_PKGS := cmocka libnghttp2

NO_BUILD_GOALS := help deps clean distclean demo uninstall
ifneq ($(filter-out $(NO_BUILD_GOALS),$(or $(MAKECMDGOALS),all)),)
missing_pkgs = $(strip $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && exit; \
	for p in $(1); do $(PKG_CONFIG) --exists $$p 2>/dev/null || echo $$p; done))
MISSING := $(strip $(shell for c in $(firstword $(CC)) $(AR) $(PKG_CONFIG); do \
	command -v $$c >/dev/null 2>&1 || echo $$c; done) $(call missing_pkgs,$(LIB_PKGS)))
TEST_MISSING := $(call missing_pkgs,$(TEST_PKGS))
LIB_LIBS := $(if $(MISSING),,$(shell $(PKG_CONFIG) --libs $(LIB_PKGS)) -lm)
TEST_LIBS := $(if $(TEST_MISSING),,$(shell $(PKG_CONFIG) --libs $(TEST_PKGS)))
PKG_INC := $(if $(MISSING),,$(sort $(shell $(PKG_CONFIG) --cflags-only-I $(LIB_PKGS))))
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wno-format-nonliteral $(WERROR)
# snprintf is used because it cuts off.
WARN += $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
# Sanitized code hides from gcc what a conversion can hold, so it warns of what cannot happen.
WARN_CONV := $(if $(filter asan fuzz,$(VARIANT)),,-Wconversion -Wno-sign-conversion \
	$(if $(findstring clang,$(CC)),-Wno-string-conversion))

# On x86, gcc clears and copies structures of some hundred octets with `rep stos` and `rep movs`, which take longer to start than to
# work: events, packets and fields are such structures.
BY_MOVES := $(foreach f,memset memcpy,-m$(f)-strategy=unrolled_loop:512:noalign,libcall:-1:noalign)
OPT_release := -O2 -g $(if $(findstring clang,$(CC)),,$(if $(filter x86_64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),$(BY_MOVES)))
OPT_debug := -O0 -g3
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
OPT_coverage := -O0 -g --coverage
ifeq ($(origin OPT_$(VARIANT)),undefined)
$(error VARIANT=$(VARIANT): there are release, debug, asan, fuzz and coverage)
endif
OPT ?= $(OPT_$(VARIANT))

# What runs for every segment and message is many small functions in many files: the product is linked with these directories
# taken together. Tests link the same objects as they are, so that the dozens of links stay quick. `make LTO=` leaves it out.
HOT := sim/core sim/net sim/tcp sim/host sim/trace sim/measure proto/base proto/wire proto/http1 proto/sse proto/ws proto/hpack proto/h2 proto/tech
ifeq ($(VARIANT) $(OPT) $(findstring clang,$(CC)),release $(OPT_release) )
LTO := -flto=auto
endif
OPT_HOT := $(if $(LTO),-O3 -flto -ffat-lto-objects)
HOT_OBJ = $(foreach d,$(HOT),$(if $(findstring /obj/$(d)/,$@),$(OPT_HOT)))

CFLAGS_ALL = -std=c17 $(OPT) $(WARN) $(WARN_DIR) -pthread -fno-common $(CFLAGS)
CPPFLAGS_ALL = -I. $(CPP_DIR) $(PKG_INC) $(CPPFLAGS)
LDFLAGS_ALL = $(OPT) -pthread $(LDFLAGS)

# What a folder may ask of the C library.  proto and sim are plain POSIX; pcap.h and mmap'ed test pages need BSD names.
# Offsets in files and numbers of i-nodes are 64 bits wide on 32-bit machines too.
WIDE_FILES := -D_FILE_OFFSET_BITS=64
POSIX := -D_POSIX_C_SOURCE=200809L $(WIDE_FILES)
CPP_DIR = $(POSIX)
WARN_DIR = $(WARN_CONV)
$(B)/obj/sim/capture/%.o: CPP_DIR = $(POSIX) -D_DEFAULT_SOURCE
$(B)/obj/ui/%.o: CPP_DIR = -D_XOPEN_SOURCE=700 -D_XOPEN_SOURCE_EXTENDED -DNCURSES_WIDECHAR=1 $(WIDE_FILES) \
	-DBT_VERSION='"$(VERSION)"' -DBT_DATADIR='"/usr/local/share/backtalk"'
$(B)/obj/tests/%.o: CPP_DIR = $(POSIX) -D_DEFAULT_SOURCE -DBT_VERSION='"$(VERSION)"'
$(B)/obj/tests/%.o: WARN_DIR =

# ---------------------------------------------------------------------------------------------- sources
find_c = $(sort $(shell test -d $(1) && find $(1) -name '*.c' 2>/dev/null))
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

PROTO_SRC := $(call find_c,proto)
SIM_SRC := $(call find_c,sim)
UI_SRC := $(filter-out ui/main.c,$(call find_c,ui))
MAIN_SRC := $(wildcard ui/main.c)
TEST_SRC := $(sort $(wildcard tests/*/test_*.c tests/prop/*.c))
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC := $(sort $(wildcard tests/bench/bench_*.c))
PEER_SRC := $(sort $(wildcard tests/bench/peer_*.c))

LIBS := $(B)/libui.a $(B)/libsim.a $(B)/libproto.a
PROGRAM := $(if $(MAIN_SRC),$(B)/backtalk)
TEST_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(TEST_SRC))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))
REPLAY_BIN := $(patsubst tests/fuzz/%.c,$(B)/replay/%,$(FUZZ_SRC))
BENCH_BIN := $(patsubst tests/bench/%.c,$(B)/bench/%,$(BENCH_SRC))

ifeq ($(V),)
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
ifneq ($(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS)))),)
say = @:
endif
endif

# ---------------------------------------------------------------------------------------------- building
.PHONY: all tests unit test have-packages have-test-packages FORCE
all: $(LIBS) $(PROGRAM)
tests: all $(TEST_BIN)

have-packages:
	@test -z "$(MISSING)" || { echo "backtalk: missing to build: $(MISSING)" >&2; \
		echo "backtalk: \`make deps\` installs what is missing" >&2; exit 1; }
have-test-packages: | have-packages
	@test -z "$(TEST_MISSING)" || { echo "backtalk: missing to test: $(TEST_MISSING)" >&2; \
		echo "backtalk: \`make deps\` installs what is missing" >&2; exit 1; }

# Stamps change only when what they hold changes: the compiler line, and the list of a library's members.
$(B)/flags: FORCE | have-packages
	@mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(CC) $(CFLAGS_ALL) $(OPT_HOT) $(HOT) $(PKG_INC) $(VERSION))' >$@.new; \
	cmp -s $@.new $@ && rm $@.new || mv $@.new $@
define members
$(B)/$(1).list: FORCE | have-packages
	@mkdir -p $$(@D); printf '%s\n' $(2) >$$@.new; cmp -s $$@.new $$@ && rm $$@.new || mv $$@.new $$@
$(B)/$(1).a: $(call obj,$(2)) $(B)/$(1).list
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@; $(AR) rcsD $$@ $$(filter %.o,$$^)
endef
$(eval $(call members,libproto,$(PROTO_SRC)))
$(eval $(call members,libsim,$(SIM_SRC)))
$(eval $(call members,libui,$(UI_SRC)))
$(eval $(call members,libsupport,$(SUPPORT_SRC)))

$(B)/obj/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(HOT_OBJ) $(CPPFLAGS_ALL) -MMD -MP -c -o $@ $<

LINK = $(Q)mkdir -p $(@D); $(CC) $(LDFLAGS_ALL) $(LINK_OPT) -o $@ $(filter %.o,$^) $(filter %.a,$^)

LINK_OPT = $(if $(LTO),-fno-lto)
$(B)/backtalk $(B)/bench/bench_codecs $(B)/bench/bench_engine: LINK_OPT = $(if $(LTO),-O3 $(LTO))
$(B)/backtalk: $(call obj,ui/main.c) $(LIBS)
	$(call say,LD,$@)
	$(LINK) $(LIB_LIBS)

$(call obj,$(TEST_SRC) $(SUPPORT_SRC)): | have-test-packages
$(B)/tests/%: $(B)/obj/tests/%.o $(B)/libsupport.a $(LIBS)
	$(call say,LD,$@)
	$(LINK) $(TEST_LIBS) $(LIB_LIBS)

# libwslay judges frames in tests/fuzz/fuzz_ws_wslay.c and is a column of `make bench`, where it is installed.
WSLAY := $(wildcard /usr/include/wslay/wslay.h)
$(call obj,tests/fuzz/fuzz_ws_wslay.c): CPPFLAGS += $(if $(WSLAY),-DHAVE_WSLAY)
$(call obj,tests/fuzz/fuzz_ws_wslay.c): $(B)/wslay-$(if $(WSLAY),here,missing)
$(B)/wslay-here $(B)/wslay-missing:
	@mkdir -p $(@D); rm -f $(B)/wslay-*; touch $@
FUZZ_LIBS = $(if $(WSLAY),$(if $(findstring wslay,$@),-lwslay))

$(call obj,$(FUZZ_SRC)): | have-test-packages
$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(B)/libsupport.a $(LIBS)
	$(call say,LD,$@)
	$(LINK) -fsanitize=fuzzer $(FUZZ_LIBS) $(TEST_LIBS) $(LIB_LIBS)

$(B)/replay/%: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/tools/fuzz_replay.o $(B)/libsupport.a $(LIBS)
	$(call say,LD,$@)
	$(LINK) $(FUZZ_LIBS) $(TEST_LIBS) $(LIB_LIBS)

$(B)/bench/%: $(B)/obj/tests/bench/%.o $(LIBS)
	$(call say,LD,$@)
	$(LINK) $(BENCH_LIBS) $(LIB_LIBS)

# The libraries whose speed ours is compared with, as far as they are here; llhttp comes as sources (Debian's node-llhttp).
ifneq ($(filter bench bench-%,$(MAKECMDGOALS))$(findstring /bench/,$(MAKECMDGOALS)),)
LLHTTP := $(wildcard /usr/share/llhttp/llhttp.c)
NGHTTP2 := $(if $(call missing_pkgs,libnghttp2),,1)
BENCH_PEERS := $(if $(LLHTTP),-DHAVE_LLHTTP -I/usr/share/include/llhttp) $(if $(WSLAY),-DHAVE_WSLAY) $(if $(NGHTTP2),-DHAVE_NGHTTP2)
BENCH_LIBS := $(if $(WSLAY),-lwslay) $(if $(NGHTTP2),-lnghttp2)
$(B)/bench/peers: FORCE
	@mkdir -p $(@D); echo '$(BENCH_PEERS)' >$@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@
endif
BENCH_OBJ := $(call obj,$(BENCH_SRC) $(PEER_SRC))
$(BENCH_OBJ): CPPFLAGS += $(BENCH_PEERS)
$(BENCH_OBJ): $(if $(BENCH_PEERS),$(B)/bench/peers)
$(B)/bench/bench_codecs: $(call obj,$(PEER_SRC)) $(if $(LLHTTP),$(patsubst %,$(B)/bench/llhttp/%.o,api http llhttp))
$(B)/bench/llhttp/%.o: /usr/share/llhttp/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -O3 -w -I/usr/share/include/llhttp -c -o $@ $<

.SECONDARY:
-include $(patsubst %.o,%.d,$(call obj,$(PROTO_SRC) $(SIM_SRC) $(UI_SRC) $(MAIN_SRC) $(TEST_SRC) $(SUPPORT_SRC) \
	$(FUZZ_SRC) $(BENCH_SRC) $(PEER_SRC) tests/tools/fuzz_replay.c))

# ---------------------------------------------------------------------------------------------- tests
# `make unit` runs every test binary; `make test T=ws` those whose path holds "ws" (T=tests/unit/test_ws.c works too).
unit: tests
	@sh tests/tools/run-tests $(TEST_BIN)

T_BIN = $(if $(T),$(filter $(patsubst tests/%.c,$(B)/tests/%,$(filter tests/%.c,$(T))),$(TEST_BIN)) \
	$(foreach t,$(TEST_BIN),$(if $(findstring $(T),$(notdir $(t))),$(t))))
test: all $$(sort $$(T_BIN))
	@test -n "$(strip $(T_BIN))" || { echo "make test T=NAME: no test binary has '$(T)' in its name" >&2; exit 2; }
	@sh tests/tools/run-tests $(sort $(T_BIN))

# `make check` is everything we test ourselves with; `make check-peers` is what judges us from outside.
.PHONY: check check-peers check-portable replays determinism-builds golden-update fuzz soak bench
check:
	@sh tests/tools/deps build check
	@+sh tests/tools/check "$(MAKE)"

check-peers:
	@sh tests/tools/deps build check peers
	@+sh tests/tools/check-peers "$(MAKE)"

# The same results from every compiler, with any number of threads and on other machines: about ten minutes; ONLY="clang-O3 s390x" less.
check-portable:
	@sh tests/tools/deps build check portable
	@+sh tests/tools/check-env sh tests/tools/check-portable "$(MAKE)" $(ONLY)

replays: all $(REPLAY_BIN)

# The same program by both compilers, barely and heavily optimised: tests/determinism compares what they compute.
DETERMINISM := gcc-O0 gcc-O3 $(if $(shell command -v clang 2>/dev/null),clang-O0 clang-O3)
determinism-builds: $(addprefix determinism-,$(DETERMINISM))
determinism-%: FORCE
	@+$(MAKE) -s CC=$(firstword $(subst -, ,$*)) OPT=-$(lastword $(subst -, ,$*)) B=build/determinism/$* all

# Tests that keep recorded results rewrite them when UPDATE is set; look at `git diff` before you commit.
golden-update: tests replays
	@UPDATE=1 sh tests/tools/check-env sh tests/tools/run-tests -j 1 -t 600 \
		$$(grep -ls UPDATE tests/*/*.sh) \
		$(foreach t,$(shell grep -ls UPDATE $(TEST_SRC) /dev/null),$(patsubst tests/%.c,$(B)/tests/%,$(t)))

# make fuzz [F=ws] [SECONDS=60]: libFuzzer on the targets whose name holds F; what it finds new goes to build/fuzz/corpus.
SECONDS ?= 60
fuzz:
	@+$(MAKE) -s VARIANT=fuzz fuzz-run F=$(F) SECONDS=$(SECONDS)
fuzz-run: all $(FUZZ_BIN)
	@for t in $(foreach t,$(FUZZ_BIN),$(if $(or $(if $(F),,1),$(findstring $(F),$(notdir $(t)))),$(t))); do \
		n=$${t##*/fuzz_}; mkdir -p $(B)/corpus/$$n $(B)/crashes; seeds=tests/fuzz/corpus/$$n; \
		echo "== $$n, $(SECONDS) s"; \
		$$t -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
			-artifact_prefix=$(B)/crashes/$$n- $(B)/corpus/$$n $$(test -d $$seeds && echo $$seeds) || exit 1; \
	done

# make soak [SECONDS=600]: random worlds other than those of `make check`, which begin at seed 0.
SOAK := $(B)/tests/soak/test_world_soak
soak: all $(SOAK)
	@SOAK_SECONDS=$(SECONDS) SOAK_FROM=$${SOAK_FROM:-$$(date +%s)} sh tests/tools/check-env $(SOAK)

# Figures, not pass or fail.  PARTS="units codecs" measures only these; REPS repeats (3); FULL=1 goes up to a million clients.
bench: all $(BENCH_BIN)
	@BUILD=$(B) CC='$(CC)' FULL='$(FULL)' sh tests/tools/check-env sh tests/bench/bench.sh $(PARTS)

# ---------------------------------------------------------------------------------------------- using it
.PHONY: deps demo install uninstall clean help
deps:
	@sh tests/tools/deps build check $(FOR)

demo:
	@sh tests/tools/deps build
	@+$(MAKE) --no-print-directory all
	@exec build/release/backtalk compare first-look

# The manual page is written from the program's own help.
$(B)/backtalk.1: $(PROGRAM) docs/manpage.sh
	@sh docs/manpage.sh $(B)/backtalk >$@

install: all $(B)/backtalk.1
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(DATADIR) $(DESTDIR)$(MANDIR)
	install -m 755 $(B)/backtalk $(DESTDIR)$(BINDIR)/backtalk
	find scenarios -type d -exec install -d '$(DESTDIR)$(DATADIR)/{}' \;
	find scenarios -type f -exec install -m 644 '{}' '$(DESTDIR)$(DATADIR)/{}' \;
	install -m 644 $(B)/backtalk.1 $(DESTDIR)$(MANDIR)/backtalk.1

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/backtalk $(DESTDIR)$(MANDIR)/backtalk.1
	rm -rf $(DESTDIR)$(DATADIR)

clean:
	rm -rf build

help:
	@sed -n 's/^#: \{0,1\}//p' Makefile
#: make                 build build/release/backtalk; says what is missing
#: make deps            install what is missing to build and test (asks for nothing when all is there); FOR=bench: the yardsticks too
#: make demo            deps, build, and the lecture `first-look`
#: make check           deps, build, format, lint, layers, all tests; ends in "N passed, N failed"
#: make check-peers     tests judged by other programs, such as tshark; skipped where these cannot be had
#: make check-portable   equal results of all builds, also for 64-bit and 32-bit ARM and big-endian s390x, emulated
#:
#: make unit            build and run every test binary
#: make test T=ws       those with "ws" in the name (VARIANT=asan: under the sanitizers)
#: make fuzz F=ws SECONDS=60     libFuzzer on tests/fuzz/fuzz_ws.c, with clang
#: make soak SECONDS=600         random worlds for so much processor time, other ones each time
#: make bench           what a unit of work costs beside ns-3, SimPy and other libraries (some minutes; needs `make deps FOR=bench`)
#: make bench PARTS="units codecs" FULL=1    only these parts; FULL=1: up to a million clients (many minutes more)
#: make golden-update   record expected results anew; look at the difference before you commit it
#:
#: make install         to DESTDIR/PREFIX (default /usr/local); make uninstall takes it away
#: make clean           remove build/
#:
#: VARIANT=release|debug|asan|fuzz|coverage   builds go to build/VARIANT    CC=gcc|clang    WERROR=    V=1
