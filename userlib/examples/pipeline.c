// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A pipeline of processes over mailboxes: which words does a text have, and
 * how often?
 *
 *	pipeline <TEXT
 *
 * split sends each line's words, fold makes them lower case, count counts and
 * sends a line for each to sort(1), which is an ordinary program: it reads a
 * mailbox on its standard input as it would a pipe.  When a stage ends, its
 * mailbox has no sender left, and the next one comes to its end.
 */
#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <string.h>

#include "example.h"

#define WORD_MAX	64

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* --- split ------------------------------------------------------------------ */

static int split(int in, int out)
{
	struct mailbox_error error;
	char *line = NULL;
	size_t room = 0;

	(void)in;

	/* A line's words in one message, so that there are not too many. */
	while (getline(&line, &room, stdin) > 0) {
		char *from = line, *to = line;

		for (; *from; from++)
			*to++ = isalpha((unsigned char)*from) ? *from : ' ';
		if (mailbox_send(out, line, (size_t)(to - line), 0, 0, &error))
			die_of("split", &error);
	}
	free(line);
	return EXIT_SUCCESS;
}

/* A message of any length; false at the end. */
static bool next_message(const char *who, int in, char **text, size_t *room, size_t *length)
{
	struct mailbox_error error;
	ssize_t got;

	while ((got = mailbox_receive(in, *text, *room, NULL, &error)) < 0) {
		if (got == -EPIPE)
			return false;
		if (got != -EMSGSIZE)
			die_of(who, &error);
		*room = error.value;
		*text = realloc(*text, *room);
		if (!*text)
			die("%s: out of memory", who);
	}
	*length = (size_t)got;
	return true;
}

/* --- fold ------------------------------------------------------------------- */

static int fold(int in, int out)
{
	struct mailbox_error error;
	char *text = NULL;
	size_t room = 0, length, i;

	while (next_message("fold", in, &text, &room, &length)) {
		for (i = 0; i < length; i++)
			text[i] = (char)tolower((unsigned char)text[i]);
		if (mailbox_send(out, text, length, 0, 0, &error))
			die_of("fold", &error);
	}
	free(text);
	return EXIT_SUCCESS;
}

/* --- count ------------------------------------------------------------------ */

struct word {
	char text[WORD_MAX];
	unsigned long count;
};

static int count_out;

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct word *)a)->text, ((const struct word *)b)->text);
}

static void tell(const void *node, VISIT visit, int depth)
{
	const struct word *word = *(const struct word *const *)node;
	char line[WORD_MAX + 32];
	int length;

	(void)depth;

	if (visit != postorder && visit != leaf)
		return;
	length = snprintf(line, sizeof(line), "%7lu %s\n", word->count, word->text);
	/* write(2) sends a message, too: this end is a file like any other. */
	if (write(count_out, line, (size_t)length) != length)
		die("count: write: %s", strerror(errno));
}

static int count(int in, int out)
{
	char *text = NULL, *rest, *token;
	void *tree = NULL;
	size_t room = 0, length;

	while (next_message("count", in, &text, &room, &length)) {
		char *words = strndup(text, length);

		if (!words)
			die("count: out of memory");
		for (token = strtok_r(words, " ", &rest); token;
		     token = strtok_r(NULL, " ", &rest)) {
			struct word *word = calloc(1, sizeof(*word));
			struct word **found;

			if (!word)
				die("count: out of memory");
			snprintf(word->text, sizeof(word->text), "%s", token);
			found = tsearch(word, &tree, compare);
			if (!found)
				die("count: out of memory");
			(*found)->count++;
			if (*found != word)
				free(word);
		}
		free(words);
	}

	count_out = out;
	twalk(tree, tell);
	return EXIT_SUCCESS;
}

/* --- sort: an ordinary program ------------------------------------------------ */

static int sort(int in, int out)
{
	(void)out;

	/* The copy on standard input is not close-on-exec; all else is. */
	if (dup2(in, STDIN_FILENO) < 0)
		die("sort: dup2: %s", strerror(errno));
	execlp("sort", "sort", "-k", "1,1nr", "-k", "2", NULL);
	die("sort: %s", strerror(errno));
}

int main(void)
{
	static int (*const stages[])(int in, int out) = { split, fold, count, sort };
	const size_t last = ARRAY_SIZE(stages) - 1;
	int in = -1;
	size_t i;

	for (i = 0; i <= last; i++) {
		int mailbox = i < last ? make_mailbox(16) : -1;

		if (start() == 0) {
			int out = -1;

			if (mailbox >= 0) {
				out = restrict_to(mailbox, MAILBOX_RIGHT_SEND);
				close(mailbox);
			}
			return stages[i](in, out);
		}

		/* The next stage's end; this one's is with it alone now. */
		if (in >= 0)
			close(in);
		if (mailbox >= 0) {
			in = restrict_to(mailbox, MAILBOX_RIGHT_RECEIVE);
			close(mailbox);
		}
	}
	return all_ended_well() ? EXIT_SUCCESS : EXIT_FAILURE;
}
