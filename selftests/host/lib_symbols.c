// SPDX-License-Identifier: GPL-2.0
/*
 * What libmailbox.so shows: the functions of mailbox.h and mailbox_ring.h, those of
 * the map, and these two are the same; all of one version, and nothing else.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <libgen.h>
#include <limits.h>
#include <link.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#define VERSION	"LIBMAILBOX_0.1"
#define NAMES	256

#define FUNCTION	"^([a-rt-z]|s[a-su-z]).*[ *](mailbox_[a-z0-9_]+)\\("

struct names {
	size_t count;
	char *name[NAMES];
};

/* The file next to this program. */
static char *library(void)
{
	static char path[PATH_MAX + 32];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);

	if (length < 0)
		return NULL;
	path[length] = '\0';
	strcpy(strrchr(path, '/'), "/libmailbox.so");
	return path;
}

static char *slurp(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *text;

	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	*size = ftell(file);
	rewind(file);
	text = calloc(1, *size + 1);
	if (text && fread(text, 1, *size, file) != *size) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct names *names)
{
	qsort(names->name, names->count, sizeof(names->name[0]), by_name);
}

static void release(struct names *names)
{
	while (names->count)
		free(names->name[--names->count]);
}

/* What the expression's last group matches in the file, to those that are there. */
static int grep(const char *path, const char *expression, struct names *names)
{
	regmatch_t match[3];
	regex_t compiled;
	char *text, *place;
	size_t size;

	text = slurp(path, &size);
	if (!text)
		return -1;
	if (regcomp(&compiled, expression, REG_EXTENDED | REG_NEWLINE)) {
		free(text);
		return -1;
	}
	for (place = text; names->count < NAMES &&
	     !regexec(&compiled, place, ARRAY_SIZE(match), match, 0);
	     place += match[0].rm_eo) {
		const regmatch_t *group = &match[compiled.re_nsub];

		names->name[names->count++] = strndup(place + group->rm_so,
						      group->rm_eo - group->rm_so);
	}
	regfree(&compiled);
	free(text);
	sort(names);
	return 0;
}

static int exported(const char *path, struct names *names)
{
	const ElfW(Shdr) *sections, *strings;
	const ElfW(Ehdr) *header;
	const ElfW(Sym) *symbol;
	size_t size, i, j;
	char *file;

	file = slurp(path, &size);
	if (!file)
		return -1;
	header = (void *)file;
	sections = (void *)(file + header->e_shoff);
	for (i = 0; i < header->e_shnum; i++) {
		if (sections[i].sh_type != SHT_DYNSYM)
			continue;
		strings = &sections[sections[i].sh_link];
		symbol = (void *)(file + sections[i].sh_offset);
		for (j = 0; j < sections[i].sh_size / sizeof(*symbol); j++) {
			if (symbol[j].st_shndx == SHN_UNDEF ||
			    ELF64_ST_BIND(symbol[j].st_info) == STB_LOCAL)
				continue;
			/* the version itself */
			if (symbol[j].st_shndx == SHN_ABS)
				continue;
			if (names->count < NAMES)
				names->name[names->count++] =
					strdup(file + strings->sh_offset +
					       symbol[j].st_name);
		}
	}
	free(file);
	sort(names);
	return 0;
}

FIXTURE(names) {
	struct names header, map, exported;
};

FIXTURE_SETUP(names)
{
	memset(self, 0, sizeof(*self));
	/* what is inlined is "static" */
	ASSERT_EQ(0, grep(PROJECT "/userlib/include/mailbox.h", FUNCTION, &self->header));
	ASSERT_EQ(0, grep(PROJECT "/userlib/include/mailbox_ring.h", FUNCTION,
			  &self->header));
	ASSERT_EQ(0, grep(PROJECT "/userlib/libmailbox.map",
			  "^\t([a-z0-9_]+);$", &self->map));
	ASSERT_NE(NULL, library());
	ASSERT_EQ(0, exported(library(), &self->exported));
}

FIXTURE_TEARDOWN(names)
{
	release(&self->header);
	release(&self->map);
	release(&self->exported);
}

static void expect_same(struct __test_metadata *_metadata,
			const struct names *one, const struct names *other)
{
	size_t i;

	EXPECT_LT(30, one->count);
	EXPECT_EQ(one->count, other->count);
	for (i = 0; i < one->count && i < other->count; i++)
		ASSERT_STREQ(one->name[i], other->name[i]);
}

TEST_F(names, the_map_lists_the_header)
{
	expect_same(_metadata, &self->header, &self->map);
}

TEST_F(names, the_library_exports_the_map)
{
	expect_same(_metadata, &self->map, &self->exported);
}

TEST_F(names, all_have_the_version)
{
	void *handle = dlopen(library(), RTLD_NOW | RTLD_LOCAL);
	size_t i;

	ASSERT_NE(NULL, handle) {
		TH_LOG("%s", dlerror());
	}
	for (i = 0; i < self->header.count; i++)
		EXPECT_NE(NULL, dlvsym(handle, self->header.name[i], VERSION)) {
			TH_LOG("%s", dlerror());
		}
	dlclose(handle);
}

TEST_HARNESS_MAIN
