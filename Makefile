# GNU make.  One Makefile, no recursion into folders; all that is made goes
# under $(B).
#
#   make demo [DURATION=60s]   install what is missing, build, play a channel
#   make check [FULL=1]        install what is missing, build, run every test
#   make [DEBUG=1] [SAN=address,undefined | SAN=thread] [CC=clang] [V=1]
#   make bench                 ours and the peers in turn, ratios and memory
#   make lint                  manuals, shell, headers, clang-tidy
#   make fuzz [FUZZ_TIME=60s]  every parser under libFuzzer with sanitizers
#   make install uninstall     PREFIX, DESTDIR
#
# A source file with a dash in its name is the main file of the tool of that
# name.  Of the other files of its folder each tool there gets those that it uses.

FOLDERS := ingest encode package origin tailor transport schedule
LAYERS  := lib/base lib/media lib/net lib/leg

# Packages a folder cannot be built without, and in FOLDER_want ones that it uses
# when present (its sources then see HAVE_NAME).
lib_need    := jansson libcrypto libcurl libnghttp2 libssl libxml-2.0 srt librist
lib_want    := libavcodec libavutil
ingest_need := libavformat libavcodec libavutil libcrypto
encode_need := libavcodec libavutil libavfilter libswscale libswresample libjpeg x264 x265 freetype2
origin_need := zlib
transport_want := libavcodec libavutil

PREFIX     ?= /usr/local
PKG_CONFIG ?= pkg-config
CFLAGS     ?= -g $(if $(DEBUG),-Og,-O2)
FUZZ_TIME  ?= 60s
DURATION   ?=
VERSION    := $(shell git describe --always --dirty 2>/dev/null || echo 0)
comma      := ,
B          := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings -Wconversion
override CPPFLAGS += -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
override CFLAGS += -std=c11 -pthread $(WARN) $(if $(DEBUG)$(SAN),-Werror) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
override LDFLAGS += -pthread -Wl,--as-needed

# ---- packages
asked := $(sort $(lib_need) $(lib_want) $(foreach f,$(FOLDERS),$($(f)_need) $($(f)_want)))
have  := $(foreach p,$(asked),$(shell $(PKG_CONFIG) --exists $(p) 2>/dev/null && echo $(p)))
pkg    = $(if $($(2)_pkgs),$(shell $(PKG_CONFIG) $(1) $($(2)_pkgs)))
macro  = -DHAVE_$(shell printf %s '$(1)' | tr a-z- A-Z_)
lacks  = $(filter-out $(have),$($(1)_need))
# Goals that begin with .ci/deps need no warning of what it is about to install.
installs = $(filter demo check bench,$(MAKECMDGOALS))
BUILT := $(foreach f,$(FOLDERS),$(if $(call lacks,$(f)),$(if $(installs),,\
	$(warning $(f)/ is left out: no package $(call lacks,$(f)))),$(f)))
lib_pkgs := $(filter $(have),$(lib_need) $(lib_want))

# ---- objects and tools
obj    = $(patsubst %.c,$(B)/%.o,$(1))
mains  = $(wildcard $(1)/*-*.c)
shared = $(filter-out $(call mains,$(1)),$(wildcard $(1)/*.c))
bins   = $(patsubst $(1)/%.c,$(B)/%,$(call mains,$(1)))
LIB   := $(B)/libcommon.a
LIBC  := $(foreach d,$(LAYERS),$(wildcard $(d)/*.c))
LIBH  := $(foreach d,$(LAYERS),$(wildcard $(d)/*.h))
TOOLS := $(foreach f,$(BUILT),$(call bins,$(f)))
UNITS := $(patsubst %.c,$(B)/%,$(wildcard t/unit/*.c))
FUZZ  := $(patsubst %.c,$(B)/%,$(wildcard t/fuzz/fuzz-*.c))
HELP  := $(patsubst %.c,$(B)/%,$(wildcard t/helper/*.c))
OBJS  := $(call obj,$(LIBC) $(foreach d,t/unit t/fuzz t/helper $(BUILT),$(wildcard $(d)/*.c)))

$(V).SILENT:
all: $(TOOLS)

define folder
$(1)_pkgs := $(filter $(have),$($(1)_need) $($(1)_want))
$(B)/$(1)/%.o: override CPPFLAGS += $$(foreach p,$$($(1)_pkgs),$$(call macro,$$(p))) \
	$$(call pkg,--cflags,$(1))
$(call bins,$(1)): LDLIBS += $$(call pkg,--libs,$(1))
$(call bins,$(1)): $(B)/%: $(B)/$(1)/%.o $(B)/$(1)/shared.a $(LIB)
$(B)/$(1)/shared.a: $(call obj,$(call shared,$(1)))
endef
$(foreach f,$(BUILT),$(eval $(call folder,$(f))))
$(UNITS) $(HELP): $(B)/%: $(B)/%.o $(LIB)
$(FUZZ): $(B)/%: $(B)/%.o $(B)/t/fuzz/replay.o $(LIB)
override CPPFLAGS += $(call pkg,--cflags,lib)
LDLIBS += $(call pkg,--libs,lib) -lm

# libavformat may bring a libsrt of another name, as in Debian: two of them in one process
# free each other's data.  Where it does, that one is taken.
av_libdir := $(shell $(PKG_CONFIG) --variable=libdir libavformat 2>/dev/null)
av_srt    := $(shell ldd $(av_libdir)/libavformat.so 2>/dev/null | \
	sed -n 's|.* => \(.*/libsrt[-.][^ ]*\) .*|\1|p')
$(call bins,ingest): FIRST := $(av_srt)

$(TOOLS) $(UNITS) $(FUZZ) $(HELP):
	echo "  LD   $@"
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(FIRST) $(LDLIBS)

$(B)/lib/%.o: override CPPFLAGS += $(foreach p,$(filter $(have),$(lib_want)),$(call macro,$(p)))
$(LIB): $(call obj,$(LIBC))
$(LIB) $(BUILT:%=$(B)/%/shared.a):
	echo "  AR   $@"
	rm -f $@ && $(AR) rcs $@ $^

$(OBJS): $(B)/%.o: %.c $(B)/flags
	echo "  CC   $@"
	mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The version is in one object, so that a commit does not rebuild the rest.
$(B)/lib/base/opt.o: override CPPFLAGS += -DVERSION='"$(VERSION)"'
$(B)/lib/base/opt.o: $(B)/version
$(B)/version: FORCE
	mkdir -p $(@D) && echo '$(VERSION)' >$@.new
	cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# Changes only when the way to compile does, and then everything is rebuilt.
$(B)/flags: FORCE
	mkdir -p $(@D) && echo '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS) $(have))' >$@.new
	cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# ---- the two commands of the README: first what they need, then make again,
# since what was missing decides what can be built
demo:
	.ci/deps demo
	+$(MAKE) --no-print-directory -j$$(nproc) all
# On a terminal in a process group of its own, so that Ctrl-C ends the channel and
# not make.
	@if test -t 0; then set -m; fi; \
		BUILD=$(abspath $(B)) origin/demo/run $(if $(DURATION),--duration $(DURATION))

check:
	.ci/deps check $(if $(FULL),full)
	+$(MAKE) --no-print-directory -j$$(nproc) test

# Everything that a test runs: then "prove t/0100-units.t" runs some of them.
programs: all $(UNITS) $(FUZZ) $(HELP)

# What has to keep up with a clock leaves most of a machine idle: one of these at a time,
# and beside it the others, which give way (t/lib.sh).  A rule is a row of tests that
# wait for each other: prove starts the first that can, in this order.
CLOCKED := 'seq={t/08{1,2,3,4,6,7}*,t/02{07,08,10,41,43,47,55,65}-*,t/0311-*}'
# This one waits for ten minutes, with FULL.
WAITING := 'seq=t/0211-*'
PROVE := BUILD=$(abspath $(B)) prove --timer $(if $(V),-v) --statefile=$(B)/prove
# What failed is run once more, by itself: what passes then was disturbed by a busy
# machine, and both are told.
test: programs
	rm -f $(B)/prove
	$(PROVE) --state=save -j$$(($$(nproc) + $(if $(FULL),2,1))) \
		--rules $(CLOCKED) $(if $(FULL),--rules $(WAITING)) \
		$(patsubst %,--rules 'seq=t/???%-*',0 1 2 3 4 5 6 7 8 9) t/*.t || { \
		echo '# Once more, what failed:' && $(PROVE) --state=failed,save; }

bench:
	.ci/deps bench
	+$(MAKE) --no-print-directory -j$$(nproc) programs
	for b in t/bench/*.sh; do echo "# $$b"; BUILD=$(abspath $(B)) sh $$b || exit; done

lint: lint-man lint-shell lint-headers lint-tidy

lint-man:
	rm -rf $(B)/man && for s in 1 5 7; do \
		install -D -m 644 -t $(B)/man/man$$s man/*.$$s || exit; done
	makewhatis $(abspath $(B))/man
	MANPATH=$(abspath $(B))/man mandoc -Tlint -Wstyle man/*.[157] | \
		sed '/not found: Xr \(m[a-z]*-\|mts\|mlive\)/p; /not found: Xr/d' | \
		{ ! grep .; }	# other systems' manuals need not be installed here

lint-shell:
	shellcheck -e SC1091,SC2016,SC2119,SC2120,SC2154 .ci/deps .ci/run \
		$(wildcard t/*.t t/*.sh t/bench/*.sh man/*.sh origin/demo/run origin/demo/film origin/demo/page)

lint-headers:
	for h in $(LIBH) $(foreach f,$(BUILT),$(wildcard $(f)/*.h)) t/*.h; do \
		$(CC) $(CPPFLAGS) $(CFLAGS) $(shell $(PKG_CONFIG) --cflags $(have)) \
		-fsyntax-only -xc $$h || exit; done

# A source is looked at again only after it, or a header, has changed.
TIDY := $(patsubst %.c,$(B)/tidy/%,$(LIBC) $(foreach f,$(BUILT),$(wildcard $(f)/*.c)))
lint-tidy: $(TIDY)
$(TIDY): $(B)/tidy/%: %.c .clang-tidy $(LIBH) $(foreach f,$(BUILT),$(wildcard $(f)/*.h))
	echo "  TIDY $<"
	clang-tidy --quiet $< -- -std=c11 $(CPPFLAGS) $(foreach p,$(have),$(call macro,$(p))) \
		$(shell $(PKG_CONFIG) --cflags $(have)) 2>/dev/null
	mkdir -p $(@D) && touch $@

fuzz:
	+$(MAKE) B=build-fuzz CC=clang CFLAGS='-g -O1 -fno-sanitize-recover=all \
		-fsanitize=fuzzer-no-link,address,undefined' build-fuzz/libcommon.a
	for f in t/fuzz/fuzz-*.c; do n=$$(basename $$f .c); echo "# $$n"; \
		clang -g -O1 $(CPPFLAGS) -fsanitize=fuzzer,address,undefined \
			-fno-sanitize-recover=all -o build-fuzz/$$n $$f build-fuzz/libcommon.a \
			$(LDLIBS) && \
		mkdir -p build-fuzz/corpus-$${n#fuzz-} && \
		build-fuzz/$$n -max_total_time=$(FUZZ_TIME:s=) -timeout=10 -rss_limit_mb=2048 \
			-print_final_stats=1 -verbosity=0 -artifact_prefix=build-fuzz/$$n- \
			build-fuzz/corpus-$${n#fuzz-} t/fuzz/corpus-$${n#fuzz-} || exit; done

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man7 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(TOOLS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 man/*.7 $(DESTDIR)$(PREFIX)/share/man/man7
	for t in $(notdir $(TOOLS)); do sh man/completion.sh $(B)/$$t \
		>$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$t || exit; done

uninstall:
	for t in $(notdir $(TOOLS)); do rm -f $(DESTDIR)$(PREFIX)/bin/$$t \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$t; done
	for m in $(notdir $(wildcard man/*.[157])); do \
		rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$m; done

clean:
	rm -rf build build-*

FORCE:
.PHONY: all programs demo check test bench lint lint-man lint-shell \
	lint-headers lint-tidy fuzz install uninstall clean FORCE
.DELETE_ON_ERROR:
-include $(OBJS:.o=.d)
