// SPDX-License-Identifier: LGPL-2.1-or-later
/* Numbers, times and names, from the command line and to the screen. */
#define _GNU_SOURCE	/* wcwidth */
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#include "ctl.h"

bool parse_u64(const char *text, uint64_t max, uint64_t *value)
{
	bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long number;
	char *end;

	/* strtoull takes blanks and signs; "-1" would be a surprise, and so would 010 as 8. */
	if (!isdigit((unsigned char)text[0]))
		return false;

	errno = 0;
	number = strtoull(text, &end, hexadecimal ? 16 : 10);
	if (errno || *end || number > max)
		return false;

	*value = number;
	return true;
}

bool parse_size(const char *text, uint64_t max, uint64_t *value)
{
	static const char units[] = "KMG";
	size_t length = strlen(text);
	const char *unit;
	char digits[32];
	uint64_t number;
	unsigned int shift;

	unit = length ? strchr(units, toupper((unsigned char)text[length - 1])) : NULL;
	if (!unit)
		return parse_u64(text, max, value);
	if (length > sizeof(digits))
		return false;

	shift = 10 * (unsigned int)(unit - units + 1);
	memcpy(digits, text, length - 1);
	digits[length - 1] = '\0';
	if (!parse_u64(digits, max >> shift, &number))
		return false;

	*value = number << shift;
	return true;
}

bool parse_capacity(const char *text, uint64_t *value)
{
	if (!strcmp(text, "unlimited")) {
		*value = MAILBOX_UNLIMITED;
		return true;
	}
	return parse_u64(text, MAILBOX_CAPACITY_MAX, value);
}

bool parse_mode(const char *text, uint32_t *mode)
{
	unsigned long number;
	char *end;

	if (text[0] < '0' || text[0] > '7')
		return false;

	errno = 0;
	number = strtoul(text, &end, 8);
	if (errno || *end || (number & ~0666UL))
		return false;

	*mode = (uint32_t)number;
	return true;
}

bool parse_seconds(const char *text, int64_t *ns)
{
	double seconds;
	char *end;

	if (!isdigit((unsigned char)text[0]) && text[0] != '.')
		return false;

	errno = 0;
	seconds = strtod(text, &end);
	/* Thirty years: no one waits longer, and no sum overflows. */
	if (errno || end == text || *end || !isfinite(seconds) || seconds > 1e9)
		return false;

	*ns = (int64_t)(seconds * 1e9);
	return true;
}

int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

const char *time_text(uint64_t realtime_ns, char *text)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm utc;
	size_t length;

	if (!gmtime_r(&seconds, &utc))
		return strcpy(text, "?");

	length = strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, TIME_TEXT - length, ".%09" PRIu64 "Z",
		 realtime_ns % 1000000000);
	return text;
}

const char *monotonic_text(uint64_t monotonic_ns, char *text)
{
	int64_t age = clock_ns(CLOCK_MONOTONIC) - (int64_t)monotonic_ns;

	return time_text((uint64_t)(clock_ns(CLOCK_REALTIME) - age), text);
}

/* As ls(1) shows it; there is no x, so two letters a class. */
const char *mode_text(uint32_t mode, char *text)
{
	unsigned int class;

	for (class = 0; class < 3; class++) {
		text[2 * class] = mode & (0400U >> 3 * class) ? 'r' : '-';
		text[2 * class + 1] = mode & (0200U >> 3 * class) ? 'w' : '-';
	}
	text[6] = '\0';
	return text;
}

const char *capacity_text(uint64_t capacity, char *text)
{
	if (capacity == MAILBOX_UNLIMITED)
		return strcpy(text, "unlimited");

	snprintf(text, NUMBER_TEXT, "%" PRIu64, capacity);
	return text;
}

const char *policy_text(uint32_t policy)
{
	static const char *const names[] = {
		[MAILBOX_POLICY_SHARED] = "shared",
		[MAILBOX_POLICY_EXCLUSIVE] = "exclusive",
		[MAILBOX_POLICY_PAIR] = "pair",
		[MAILBOX_POLICY_BROADCAST] = "broadcast",
		[MAILBOX_POLICY_CHANNEL] = "channel",
		[MAILBOX_POLICY_SEGMENT] = "segment",
	};

	return policy < ARRAY_SIZE(names) ? names[policy] : "unknown";
}

bool parse_policy(const char *text, uint32_t *policy)
{
	uint32_t i;

	for (i = MAILBOX_POLICY_SHARED; i <= MAILBOX_POLICY_SEGMENT; i++) {
		if (!strcmp(text, policy_text(i))) {
			*policy = i;
			return true;
		}
	}
	return false;
}

const char *slow_text(uint32_t slow)
{
	static const char *const names[] = {
		[MAILBOX_SLOW_BLOCK] = "block",
		[MAILBOX_SLOW_LOSE] = "lose",
		[MAILBOX_SLOW_CUT] = "cut",
	};

	return slow < ARRAY_SIZE(names) ? names[slow] : "unknown";
}

bool parse_slow(const char *text, uint32_t *slow)
{
	uint32_t i;

	for (i = MAILBOX_SLOW_BLOCK; i <= MAILBOX_SLOW_CUT; i++) {
		if (!strcmp(text, slow_text(i))) {
			*slow = i;
			return true;
		}
	}
	return false;
}

const char *user_text(uint32_t uid, char *text)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(text, OWNER_TEXT, "%s", user->pw_name);
	else
		snprintf(text, OWNER_TEXT, "%" PRIu32, uid);
	return text;
}

const char *group_text(uint32_t gid, char *text)
{
	const struct group *group = getgrgid(gid);

	if (group)
		snprintf(text, OWNER_TEXT, "%s", group->gr_name);
	else
		snprintf(text, OWNER_TEXT, "%" PRIu32, gid);
	return text;
}

/*
 * A name can hold any byte but slash and the control bytes, so what reaches a
 * terminal is escaped: what the locale cannot print goes as \xNN, and the
 * backslash itself as \\, so that no two names look the same.
 */
char *escape(const char *name, int *columns)
{
	size_t left = strlen(name);
	char *text = malloc(4 * left + 1);
	mbstate_t state = { 0 };
	char *out = text;
	int width = 0;

	if (!text)
		die_memory();

	while (left) {
		wchar_t letter;
		size_t bytes = mbrtowc(&letter, name, left, &state);

		if (bytes == (size_t)-1 || bytes == (size_t)-2 || !bytes) {
			memset(&state, 0, sizeof(state));
			bytes = 0;
		}
		if (bytes && letter == L'\\') {
			out = stpcpy(out, "\\\\");
			width += 2;
		} else if (bytes && iswprint((wint_t)letter)) {
			memcpy(out, name, bytes);
			out += bytes;
			width += wcwidth(letter) > 0 ? wcwidth(letter) : 0;
		} else {
			size_t i;

			bytes = bytes ? bytes : 1;
			for (i = 0; i < bytes; i++)
				out += sprintf(out, "\\x%02x", (unsigned char)name[i]);
			width += 4 * (int)bytes;
		}
		name += bytes;
		left -= bytes;
	}

	*out = '\0';
	if (columns)
		*columns = width;
	return text;
}

char *escape_bytes(const char *name)
{
	char *text = malloc(4 * strlen(name) + 1);
	char *out = text;

	if (!text)
		die_memory();

	for (; *name; name++) {
		unsigned char byte = (unsigned char)*name;

		if (byte == '\\')
			out = stpcpy(out, "\\\\");
		else if (byte < 0x20 || byte >= 0x7f)
			out += sprintf(out, "\\x%02x", byte);
		else
			*out++ = (char)byte;
	}
	*out = '\0';
	return text;
}

/* The length of the UTF-8 letter at @text, or 0 if there is none. */
static size_t utf8_letter(const unsigned char *text)
{
	uint32_t letter;
	size_t length;
	size_t i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		length = 2;
	else if (text[0] >= 0xe0 && text[0] <= 0xef)
		length = 3;
	else if (text[0] >= 0xf0 && text[0] <= 0xf4)
		length = 4;
	else
		return 0;

	letter = text[0] & (0xffU >> (length + 1));
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		letter = letter << 6 | (text[i] & 0x3f);
	}

	/* Overlong forms, surrogates, and what is beyond Unicode. */
	if ((length == 3 && letter < 0x800) || (length == 4 && letter < 0x10000) ||
	    (letter >= 0xd800 && letter <= 0xdfff) || letter > 0x10ffff)
		return 0;
	return length;
}

bool is_utf8(const char *text)
{
	while (*text) {
		size_t length = utf8_letter((const unsigned char *)text);

		if (!length)
			return false;
		text += length;
	}
	return true;
}
