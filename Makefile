# SPDX-License-Identifier: GPL-2.0
#
# Mailbox IPC.  `make help` lists what can be made; Kbuild builds the module.

VERSION   := 0.1.0
SOVERSION := 0

project := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

# All that is made goes here; the sources may be read-only.
build := $(abspath $(or $(O),$(project)/build))

V ?= 0
Q := $(if $(filter 0,$(V)),@)
say = @$(if $(filter 0,$(V)),printf '  %-7s %s\n' '$(1)' '$(patsubst $(build)/%,%,$(2))',:)

setup := $(project)/selftests/setup
qemu  := $(project)/selftests/qemu

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

.PHONY: all
all: module library command

# --- the module -------------------------------------------------------------

# KDIR: the kernel to build for.  By default the running one, if its headers are
# installed, else the newest whose headers are.
newest = $(lastword $(shell ls -d $(1)/.config 2>/dev/null | sort -V))
ifndef KDIR
KDIR := $(patsubst %/.config,%,$(or \
	$(wildcard /lib/modules/$(shell uname -r)/build/.config), \
	$(call newest,/lib/modules/*/build), \
	$(call newest,/usr/src/linux-headers-*)))
endif

# LLVM=1 on the headers of a kernel that gcc made, as Debian's are: their
# configuration asks for what only gcc knows, and is told otherwise.
ifneq ($(LLVM),)
clang := $(if $(filter %/,$(LLVM)),$(LLVM)clang,clang$(filter -%,$(LLVM)))
gcc-made = $(shell grep -s CONFIG_CC_IS_GCC=y $(1)/.config)
for-clang = CC=$(clang) $(if $(call gcc-made,$(1)), \
	CONFIG_CC_IS_GCC= CONFIG_GCC_VERSION=0 CONFIG_CC_IS_CLANG=y \
	CONFIG_CC_IMPLICIT_FALLTHROUGH=-Wimplicit-fallthrough \
	CONFIG_CC_HAS_AUTO_VAR_INIT_ZERO_ENABLER=y \
	CONFIG_RETHUNK= CONFIG_MITIGATION_RETHUNK= CONFIG_SLS= CONFIG_MITIGATION_SLS= \
	CONFIG_FTRACE_MCOUNT_USE_CC= CONFIG_FTRACE_MCOUNT_USE_OBJTOOL=y \
	KCFLAGS='$(KCFLAGS) -Wno-duplicate-decl-specifier')
endif

# Kbuild writes next to the sources, so it is given a directory of links to
# them: one for each kernel.  O= is ours, and not passed on.  Where the headers
# have no vmlinux there is nothing to make BTF from, and no need to be told so.  flock
# would make a file of the name, where make -n has made no directory; not of /.
define build-module
	$(Q)mkdir -p $(1)/kmod $(1)/uapi/linux
	$(Q)ln -sf $(project)/Kbuild $(1)
	$(Q)ln -sf $(wildcard $(project)/kmod/*.[ch]) $(1)/kmod
	$(Q)ln -sf $(wildcard $(project)/uapi/linux/*.h) $(1)/uapi/linux
	$(Q)find $(1) -xtype l -delete
	+$(Q)flock $(1)/. $(MAKE) -C $(2) M=$(1) O= KBUILD_OUTPUT=$(abspath $(2)) \
		$(if $(wildcard $(2)/vmlinux),,CONFIG_DEBUG_INFO_BTF_MODULES=) \
		$(call for-clang,$(2)) $(3)
endef

installed-module := $(build)/module/installed

# as uname -r says it; Debian's include/config/kernel.release does not
release = $(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h)

.PHONY: module modules_install
module:
	$(if $(wildcard $(KDIR)/.config),,$(error $(if $(KDIR),no kernel headers in $(KDIR),no \
		kernel headers: install the package linux-headers-amd64 (make setup does), or say KDIR=)))
	@[ "$(release)" = "$$(uname -r)" ] || \
		echo "  the module is for $(release), not for the running $$(uname -r)"
	$(call build-module,$(installed-module),$(KDIR),modules)

# Packages of headers have neither the key that signs modules nor the System.map
# without which kbuild skips depmod, with a warning.
modules_install: module
	$(Q)$(MAKE) -C $(KDIR) M=$(installed-module) O= KBUILD_OUTPUT=$(abspath $(KDIR)) \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=) \
		$(call for-clang,$(KDIR)) modules_install
	$(Q)[ -n "$(INSTALL_MOD_PATH)" ] || \
		PATH=$$PATH:/usr/sbin:/sbin depmod "$(release)"

# for the guests: kernel-6.1, module-6.1, ...
KERNEL ?= $(firstword $(KERNELS) 6.1)
matrix := 6.1 6.1-generic 6.1-rt 6.12 6.12-rt sid

# -debug and -kcsan are built here; 6.1-debug tells what code is reached
guest-kernels := $(addprefix kernel-,$(sort $(matrix) 6.1-debug 6.1-kcsan $(KERNEL) $(KERNELS)))
guest-modules := $(guest-kernels:kernel-%=module-%)
.PHONY: $(guest-kernels) $(guest-modules)
built-kernels := $(filter %-debug %-kcsan,$(guest-kernels))

$(filter-out $(built-kernels) kernel-sid,$(guest-kernels)): kernel-%:
	$(Q)$(qemu)/fetch-kernels $(build)/kernels $*

kernel-sid: kernel-%:
	$(Q)$(qemu)/debootstrap-kernel $(build)/kernels $*

$(built-kernels): kernel-%:
	$(Q)$(qemu)/build-kernel $(build)/kernels $*

$(guest-modules): module-%: kernel-%
	$(call build-module,$(build)/module/guest-$*,$(build)/kernels/$*/headers,modules)

# The module once more, which counts what is reached: without UBSAN's checks, which
# would be branches that nobody can take.
.PHONY: module-coverage
module-coverage: kernel-6.1-debug
	$(call build-module,$(build)/module/coverage,$(build)/kernels/6.1-debug/headers,modules \
		GCOV_PROFILE=y UBSAN_SANITIZE=n KCOV_INSTRUMENT=n)

# --- user space -------------------------------------------------------------

ifneq ($(LLVM),)
CC     := $(clang)
else ifeq ($(origin CC),default)
CC     := gcc
endif
CFLAGS ?= -O2 -g

WARN := -Wall -Wextra
base := -std=gnu11 $(WARN) -DVERSION='"$(VERSION)"' -I$(project)/uapi -I$(project)/userlib/include

compile = $(CC) $(base) $(1) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

sources = $(sort $(wildcard $(project)/$(1)))
objects = $(patsubst $(project)/%.c,$(build)/obj/%.$(2),$(call sources,$(1)))

library-objects := $(call objects,userlib/src/*.c,o)
shared-objects  := $(call objects,userlib/src/*.c,lo)
command-objects := $(call objects,userlib/ctl/*.c,o)
examples        := $(patsubst $(project)/userlib/%.c,$(build)/%,$(call sources,userlib/examples/*.c))

soname   := libmailbox.so.$(SOVERSION)
realname := libmailbox.so.$(VERSION)

.PHONY: library command examples
library: $(build)/lib/libmailbox.so $(build)/lib/libmailbox.a
	@:
command: $(build)/bin/mailboxctl
	@:
examples: $(examples)
	@:

$(build)/obj/%.lo: $(project)/%.c $(project)/Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call compile,-fPIC)

$(build)/obj/%.o: $(project)/%.c $(project)/Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call compile,)

$(build)/lib/$(realname): $(shared-objects) $(project)/userlib/libmailbox.map
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared -Wl,-soname,$(soname) -Wl,-z,defs -Wl,-z,relro -Wl,-z,now \
		-Wl,--version-script=$(project)/userlib/libmailbox.map \
		$(CFLAGS) $(LDFLAGS) -o $@ $(shared-objects) -pthread

$(build)/lib/libmailbox.so: $(build)/lib/$(realname)
	$(Q)ln -sf $(realname) $(@D)/$(soname)
	$(Q)ln -sf $(soname) $@

$(build)/lib/libmailbox.a: $(library-objects)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

# found next door, in build/ as in $(PREFIX)
with-library = -L$(build)/lib -lmailbox -Wl,-rpath,'$$ORIGIN/../lib'

$(build)/bin/mailboxctl: $(command-objects) $(build)/lib/libmailbox.so
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(command-objects) $(with-library) -ljson-c

$(build)/examples/%: $(build)/obj/userlib/examples/%.o $(build)/lib/libmailbox.so
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(with-library) -pthread

.SECONDARY: $(patsubst $(build)/%,$(build)/obj/userlib/%.o,$(examples))

-include $(wildcard $(build)/obj/*/*/*.d)

# --- installing -------------------------------------------------------------

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
COMPLETIONDIR ?= $(DATADIR)/bash-completion/completions

manuals := $(notdir $(call sources,Documentation/man/*.[1-8]))

# all of it, and so what uninstall removes
installed := $(BINDIR)/mailboxctl \
	$(addprefix $(LIBDIR)/,$(realname) $(soname) libmailbox.so libmailbox.a) \
	$(LIBDIR)/pkgconfig/libmailbox.pc \
	$(INCLUDEDIR)/mailbox.h $(INCLUDEDIR)/mailbox_ring.h $(INCLUDEDIR)/linux/mailbox.h \
	$(COMPLETIONDIR)/mailboxctl \
	$(foreach page,$(manuals),$(MANDIR)/man$(patsubst .%,%,$(suffix $(page)))/$(page))

put = $(Q)install -D -m $(1) $(2) $(DESTDIR)$(3)

.PHONY: install uninstall
install: library command
	$(call put,755,$(build)/bin/mailboxctl,$(BINDIR)/mailboxctl)
	$(call put,755,$(build)/lib/$(realname),$(LIBDIR)/$(realname))
	$(Q)ln -sf $(realname) $(DESTDIR)$(LIBDIR)/$(soname)
	$(Q)ln -sf $(soname) $(DESTDIR)$(LIBDIR)/libmailbox.so
	$(call put,644,$(build)/lib/libmailbox.a,$(LIBDIR)/libmailbox.a)
	$(Q)sed -e 's:@PREFIX@:$(PREFIX):' -e 's:@LIBDIR@:$(LIBDIR):' \
		-e 's:@INCLUDEDIR@:$(INCLUDEDIR):' -e 's:@VERSION@:$(VERSION):' \
		$(project)/userlib/libmailbox.pc.in >$(build)/libmailbox.pc
	$(call put,644,$(build)/libmailbox.pc,$(LIBDIR)/pkgconfig/libmailbox.pc)
	$(call put,644,$(project)/userlib/include/mailbox.h,$(INCLUDEDIR)/mailbox.h)
	$(call put,644,$(project)/userlib/include/mailbox_ring.h,$(INCLUDEDIR)/mailbox_ring.h)
	$(call put,644,$(project)/uapi/linux/mailbox.h,$(INCLUDEDIR)/linux/mailbox.h)
	$(call put,644,$(project)/userlib/ctl/mailboxctl.bash,$(COMPLETIONDIR)/mailboxctl)
	$(Q)for page in $(manuals); do \
		install -D -m 644 $(project)/Documentation/man/$$page \
			$(DESTDIR)$(MANDIR)/man$${page##*.}/$$page || exit; \
	done
	$(Q)[ -n "$(DESTDIR)" ] || /sbin/ldconfig || \
		echo "install: programs find the library only after ldconfig has been run as root"

uninstall:
	$(Q)rm -f $(addprefix $(DESTDIR),$(installed))

# --- guests: what runs in them, and running them ----------------------------

source  := $(build)/linux-source-6.1
harness := $(source)/tools/testing/selftests
guest   := $(qemu)/run

.PHONY: setup source guest-init guest-programs tests tests32 storms host-tests bench-programs \
	fuzz-program texts
setup:
	$(Q)$(setup)/setup

source:
	$(Q)$(setup)/source $(source)

guest-init: $(build)/guest/init
	@:
$(build)/guest/init: $(project)/selftests/qemu/init.c $(project)/uapi/linux/mailbox.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(WARN) -I$(project)/uapi $(CFLAGS) -o $@ $< -lkmod

# The command and the examples once more, for guests where each mapping of a shared
# library takes milliseconds.  That libkmod and users' names take this machine's shared
# libraries is no news: the guest has them.  So the linker is heard only if it fails.
static-programs := $(addprefix $(build)/guest/bin/,mailboxctl $(notdir $(examples)))

guest-programs: command examples $(static-programs)
	@:
$(build)/guest/bin/mailboxctl: $(command-objects)
$(filter-out %/mailboxctl,$(static-programs)): $(build)/guest/bin/%: \
		$(build)/obj/userlib/examples/%.o
$(static-programs): $(build)/lib/libmailbox.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)said=$$($(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $(filter %.o,$^) $< -ljson-c -pthread \
		2>&1) || { echo "$$said" >&2; exit 1; }

# Static, so that 32-bit programs need no 32-bit system around them.  Their
# Makefile is the kernel's lib.mk's: variables meant for this one would upset it.
selftests = $(Q)mkdir -p $(build)/selftests/$(2) && \
	env -u MAKEFLAGS -u MAKEOVERRIDES -u CFLAGS -u LDFLAGS \
	$(MAKE) -s -C $(project)/selftests/$(1) OUTPUT=$(build)/selftests/$(2) \
		KSELFTEST=$(harness) USERCFLAGS='$(3)' USERLDFLAGS='$(4)' all

tests: source
	$(call say,TESTS,$(build)/selftests/mailbox)
	$(call selftests,mailbox,mailbox,,-static)

storms: source
	$(call say,TESTS,$(build)/selftests/storm)
	$(call selftests,storm,storm,,-static)

tests32: source
	$(call say,TESTS,$(build)/selftests/mailbox32)
	$(call selftests,mailbox,mailbox32,-m32,-static)

host-tests: source
	$(call say,TESTS,$(build)/selftests/host)
	$(call selftests,host,host,,)

# What the demo sorts: some of the kernel's own documentation, over 5 MB.
texts: $(build)/demo/text.txt
	@:
$(build)/demo/text.txt: | source
	$(Q)mkdir -p $(@D)
	$(Q)cd $(source)/Documentation && LC_ALL=C find admin-guide networking process \
		-name '*.rst' | LC_ALL=C sort | xargs cat >$@

.PHONY: demo shell bench check check-debug check-matrix docs check-long check-mutants check-kcsan coverage
demo: setup
	$(Q)$(MAKE) --no-print-directory module-$(KERNEL) library command examples guest-init texts
	$(Q)$(guest) demo --build $(build) --kernel $(KERNEL) --log $(build)/demo/log \
		--add /demo/text.txt $(build)/demo/text.txt --add /demo/sort /usr/bin/sort

# ADD= names files of one's own.  /usr/bin is first in the PATH: nothing hides them.
shell: setup $(ADD)
	$(Q)$(MAKE) --no-print-directory module-$(KERNEL) library command examples guest-init
	$(Q)$(guest) shell --build $(build) --kernel $(KERNEL) \
		$(foreach file,$(ADD),--add /usr/bin/$(notdir $(file)) $(file))

bench-sources := $(filter-out %/profile.c %/native.c,$(call sources,selftests/bench/*.c))

bench-programs: $(build)/bench/bench $(build)/bench/native
	@:
$(build)/bench/bench: $(bench-sources) $(wildcard $(project)/selftests/bench/*.h) \
		$(project)/uapi/linux/mailbox.h $(project)/userlib/include/mailbox_ring.h \
		$(build)/lib/libmailbox.a
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(WARN) -O2 -static -I$(project)/uapi -I$(project)/userlib/include \
		-o $@ $(bench-sources) $(build)/lib/libmailbox.a -lrt -pthread

# Boost's ring is C++.
native-parts := $(build)/obj/selftests/bench/native.o $(build)/obj/selftests/bench/boost.o

$(build)/obj/%.o: $(project)/%.cc $(project)/Makefile
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(WARN) -O2 -MMD -MP -c -o $@ $<

$(build)/bench/native: $(native-parts) $(build)/lib/libmailbox.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $(native-parts) $(build)/lib/libmailbox.a -lrt -pthread

# Counts of instructions repeat on 6.1 only.  What runs on this machine comes first
# and alone.
bench: setup
	$(Q)$(MAKE) --no-print-directory module-6.1 command guest-init bench-programs
	$(Q)mkdir -p $(build)/bench/log
	$(Q)$(build)/bench/native $(NATIVE) >$(build)/bench/log/native
	$(Q)$(guest) bench --build $(build) --kernel 6.1 --log $(build)/bench/log \
		'$(build)/bench/bench $(BENCH)'
	$(Q)$(project)/selftests/bench/report $(build)/bench/log/native \
		$(build)/bench/log/output $(build)/bench/results.json

# What a run found is what the next one begins with, once it is in corpus/; what shows
# a mistake, or is made at once and reaches now this and now that, is in kept/.
fuzz-sources := $(call sources,selftests/fuzz/*.c)

fuzz-program: $(build)/selftests/fuzz/fuzz
	@:
fuzz-kept := $(wildcard $(addprefix $(project)/selftests/fuzz/,corpus kept))
$(build)/selftests/fuzz/corpus.txt: $(call sources,selftests/fuzz/corpus/*) \
		$(call sources,selftests/fuzz/kept/*) $(fuzz-kept)
	$(Q)mkdir -p $(@D)
	$(Q)cat /dev/null $(filter-out $(fuzz-kept),$^) >$@
$(build)/selftests/fuzz/fuzz: $(fuzz-sources) $(call sources,selftests/fuzz/*.h) \
		$(build)/selftests/fuzz/corpus.txt $(project)/uapi/linux/mailbox.h
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 $(WARN) -O2 -static -I$(project)/uapi \
		-DCORPUS='"$(build)/selftests/fuzz/corpus.txt"' -o $@ $(fuzz-sources) -pthread

# SECONDS= or PROGRAMS= says how long, SEED= repeats a run, REPLAY= runs the programs
# in a file alone.  What it found is then in build/fuzz/corpus.
fuzz-arguments = $(if $(SEED),--seed $(SEED),--seed 0x$(shell od -An -N8 -tx8 /dev/urandom | tr -d " ")) \
	$(if $(WATCH),--watch $(WATCH)) $(if $(BARE),--bare) \
	$(if $(PROGRAMS),--programs $(PROGRAMS),--seconds $(or $(SECONDS),60))
fuzz-run = $(guest) test --build $(build) --kernel $(KERNEL) --log $(build)/fuzz/log \
	--limit $(shell expr $(or $(SECONDS),0) + 3000) \
	--timeout $(shell expr $(or $(SECONDS),0) + 3600)
fuzz-found := $(build)/fuzz/corpus

.PHONY: fuzz fuzz-corpus
fuzz fuzz-corpus: KERNEL := 6.1-debug
fuzz: setup
	$(Q)$(MAKE) --no-print-directory module-$(KERNEL) guest-init fuzz-program
	$(Q)$(fuzz-run) $(if $(REPLAY),--add /replay $(REPLAY)) \
		'$(build)/selftests/fuzz/fuzz $(if $(REPLAY),--replay /replay,$(fuzz-arguments))'; \
	end=$$?; $(project)/selftests/fuzz/collect $(build)/fuzz/log/output $(fuzz-found); exit $$end

# of what there is and what was found, that which it takes to reach all of it
fuzz-corpus: setup
	$(Q)$(MAKE) --no-print-directory module-$(KERNEL) guest-init fuzz-program
	$(Q)cat /dev/null $(wildcard $(fuzz-found)/*) >$(build)/fuzz/found
	$(Q)$(fuzz-run) --add /found $(build)/fuzz/found \
		'$(build)/selftests/fuzz/fuzz --merge /found'
	$(Q)rm -f $(project)/selftests/fuzz/corpus/*
	$(Q)$(project)/selftests/fuzz/collect $(build)/fuzz/log/output $(project)/selftests/fuzz/corpus

# Two processes and a stream through rings, each byte checked: here, over memfds, for
# RECORDS=; or with GUEST=1 over a channel, for SECONDS= at most.
soak-program: $(build)/selftests/soak/soak
	@:
$(build)/selftests/soak/soak: $(call sources,selftests/soak/*.[ch]) \
		$(project)/selftests/host/ring_memfd.h $(build)/lib/libmailbox.a \
		$(call sources,userlib/include/*.h) $(project)/uapi/linux/mailbox.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(WARN) -O2 -static -I$(project)/uapi -I$(project)/userlib/include \
		-o $@ $(project)/selftests/soak/soak.c $(build)/lib/libmailbox.a

.PHONY: soak soak-program
soak: setup
	$(Q)$(MAKE) --no-print-directory soak-program $(if $(GUEST),module-$(KERNEL) guest-init)
	$(Q)$(if $(GUEST),$(guest) test --build $(build) --kernel $(KERNEL) --log $(build)/soak/log \
		--limit 3600 --timeout 4000 \
		'$(build)/selftests/soak/soak channel $(or $(RECORDS),1000000000) $(or $(SECONDS),600)', \
		$(build)/selftests/soak/soak memfd $(or $(RECORDS),1000000000) $(SECONDS))

# TESTS= names some of the kselftests, KERNELS= some of the kernels, JOBS= how
# many things are done at a time.
check: setup
	$(Q)env -u MAKEFLAGS $(project)/selftests/check --build $(build) \
		$(if $(TESTS),--tests '$(TESTS)') $(if $(JOBS),--jobs $(JOBS)) $(KERNELS)

# on a kernel that catches every mistake that it can, and on one for data races: in
# two guests, since one takes little more than a CPU of this machine
check-debug check-kcsan: check-%: setup
	$(Q)env -u MAKEFLAGS $(project)/selftests/check --build $(build) --guests --split 2 \
		$(if $(TESTS),--tests '$(TESTS)') $(if $(JOBS),--jobs $(JOBS)) 6.1-$*

# on each kernel, with each number of virtual CPUs
check-matrix: setup
	$(Q)env -u MAKEFLAGS -u SMP $(project)/selftests/check --build $(build) --guests \
		--smp '$(or $(SMP),1 2 4)' $(if $(TESTS),--tests '$(TESTS)') \
		$(if $(JOBS),--jobs $(JOBS)) $(or $(KERNELS),$(matrix))

# the storms, for as long as it takes to believe them: with all that catches
# mistakes, and fast
check-long: setup
	$(Q)env -u MAKEFLAGS $(project)/selftests/check --build $(build) --guests --long \
		$(if $(TESTS),--tests '$(TESTS)') $(if $(JOBS),--jobs $(JOBS)) 6.1-debug 6.12

# that each machine can fail
check-mutants: setup
	$(Q)env -u MAKEFLAGS $(project)/selftests/mutants/run --build $(build) \
		$(if $(TESTS),--tests '$(TESTS)') $(if $(JOBS),--jobs $(JOBS))

# What of kmod/ these programs reach; one with arguments is a word in quotes.
coverage-programs := \
	$(patsubst $(project)/%.c,$(build)/%,$(call sources,selftests/mailbox/*_test.c)) \
	$(call sources,selftests/mailbox/*_test.sh)

coverage: setup
	$(Q)$(MAKE) --no-print-directory module-coverage guest-init guest-programs tests
	$(Q)$(project)/selftests/coverage/coverage --build $(build) $(coverage-programs)

docs: setup
	$(Q)$(setup)/source $(source)
	$(Q)$(project)/Documentation/build $(source) $(build)/docs

# --- the rest ---------------------------------------------------------------

downloads := kernels linux-source-6.1
made := module obj lib bin examples libmailbox.pc guest selftests demo bench check mutants \
	coverage fuzz lint docs soak

.PHONY: clean mrproper help
clean:
	$(Q)rm -rf $(addprefix $(build)/,$(made))

mrproper: clean
	$(Q)rm -rf $(addprefix $(build)/,$(downloads))

help:
	@printf '%s\n' \
	'  all (default)    the module for KDIR, the library and the command, in build/' \
	'  module, library, command, examples' \
	'  install          library, command, headers, manual pages; PREFIX= and DESTDIR=' \
	'  uninstall        removes what install installs' \
	'  modules_install  the module, into /lib/modules (or INSTALL_MOD_PATH=)' \
	'  demo             boots a guest that shows what a mailbox does' \
	'  shell            boots a guest with the module loaded, and a prompt;' \
	'                   ADD="./program file" puts these into its PATH' \
	'  check            every check and test, on 6.1, 6.12 or the debug kernel, most on all;' \
	'                   TESTS= and KERNELS= choose some, JOBS= says how many at a time' \
	'                   (TESTS= and JOBS= go with each check-..., too)' \
	'  check-debug      kselftests, short storms, the fuzzer with KASAN, lockdep and their kin' \
	'  check-kcsan      the same on a kernel that catches data races' \
	'  check-matrix     the kselftests on six Debian kernels, each with 1, 2 and 4 CPUs' \
	'  check-long       storms that go on for long, on the debug kernel and on 6.12' \
	'  check-mutants    that each of these machines can fail: mistakes that they must catch' \
	'  fuzz             random programs against a model; SECONDS= SEED= PROGRAMS= BARE=1 REPLAY=' \
	'  fuzz-corpus      puts what fuzz has found into selftests/fuzz/corpus' \
	'  soak             every byte of a billion records through rings; RECORDS= SECONDS= GUEST=1' \
	'  coverage         what share of the module the kselftests reach' \
	'  bench            what operations cost, counted in instructions; what rings do here' \
	'  docs             the manual, in build/docs' \
	'  setup            installs the Debian packages that are missing' \
	'  clean            removes what was made' \
	'  mrproper         and what was downloaded and unpacked for it' \
	'' \
	'  KDIR=dir  the kernel to build for, else the running one, if its headers are' \
	'            installed, else the newest that has them' \
	'            ($(or $(KDIR),none is installed))' \
	'  O=dir     build there, for sources that are read-only' \
	'  V=1 shows commands, W=1 warns more, C=1 runs sparse, LLVM=1 takes clang' \
	'  KERNEL=6.12 for demo, shell, fuzz, soak; SMP=n virtual CPUs; KVM=1 if it works here'
