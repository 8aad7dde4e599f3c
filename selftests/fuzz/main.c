// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer for /dev/mailbox, to be run as root where nobody else uses it.
 *
 * First comes the corpus, then programs that a seed makes: new ones, and changed ones
 * of the corpus.  What reaches a place in the module that nothing reached before
 * is kept, and printed as text between "# found" and "# end".  A program after which
 * something is wrong is cut down to what it takes, and printed with how to run it again.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "corpus.h"
#include "cover.h"
#include "run.h"

#define PROGRESS	50	/* programs */

/* What a run reaches at least, in a module of some 5,000: the corpus alone reaches 2,000. */
#define PLACES_LEAST	1000

static struct {
	uint64_t seed;
	unsigned int seconds;
	unsigned int programs;
	unsigned int failures;
	const char *replay;
	const char *merge;
	bool print;
	bool bare;
	unsigned int watch;
} options = { .programs = 300, .failures = 3, .watch = -1U };

static struct {
	unsigned int programs;
	unsigned int known;	/* of these: the corpus */
	unsigned int calls;
	unsigned int checked;
	unsigned int gave_up;
	unsigned int found;
	unsigned int failed;
	unsigned int reported;
	char why[sizeof(((struct verdict *)NULL)->why)];	/* the first */
} counts;

/* --- failures ------------------------------------------------------------------ */

/* A failure that does not depend on who is faster comes back; the others may. */
static bool fails_again(const struct program *program, struct verdict *verdict)
{
	for (int i = 0; i < (program->kind == TOGETHER ? 10 : 1); i++) {
		*verdict = run(program);
		if (verdict->failed)
			return true;
	}
	return false;
}

/* Leave out what it does not take. */
static void cut_down(struct program *program, struct verdict *verdict)
{
	struct verdict again;

	for (unsigned int i = program->count; i--; ) {
		struct program less = *program;

		if (less.call[i].op == OP_TOGETHER)
			continue;
		program_delete(&less, i);
		if (fails_again(&less, &again)) {
			*program = less;
			*verdict = again;
		}
	}
}

/* Is it one that was reported already?  Numbers do not count. */
static bool reported(const char *why)
{
	static char before[64][sizeof(((struct verdict *)NULL)->why)];
	static unsigned int count;
	char *word = before[count];

	for (; *why; why++)
		if (!strchr("-0123456789", *why))
			*word++ = *why;
	*word = 0;
	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(before[i], before[count]))
			return true;
	if (count < 63)
		count++;
	return false;
}

static void report(const struct program *failing, struct verdict verdict, uint64_t seed)
{
	const char *kernel = getenv("KERNEL") ?: "6.1-debug";
	struct program program = *failing;
	struct verdict again;

	counts.failed++;
	if (reported(verdict.why))
		return;
	if (!counts.reported++)
		strcpy(counts.why, verdict.why);
	printf("# FAILED: %s\n", verdict.why);
	run_write(&program, stdout);
	if (fails_again(&program, &again)) {
		cut_down(&program, &again);
		printf("# It comes down to: %s\n", again.why);
	} else {
		printf("# It did not fail again\n");
	}
	printf("# seed=%#llx program:\n", (unsigned long long)seed);
	program_write(&program, "", stdout);
	printf("# To run it again: put these lines into a file, and\n"
	       "#     make fuzz KERNEL=%s REPLAY=file\n"
	       "# or all of it: make fuzz KERNEL=%s SEED=%#llx PROGRAMS=%u%s\n",
	       kernel, kernel, (unsigned long long)options.seed, counts.programs - counts.known,
	       options.bare ? " BARE=1" : "");
	fflush(stdout);
}

/* --- programs ------------------------------------------------------------------ */

/* A kernel that dies takes the program with it: so say how far we have come. */
static void say_progress(const struct program *program)
{
	if (counts.programs % PROGRESS == 0)
		printf("# %u programs, %u places so far\n", counts.programs, cover_count());
	if (counts.programs >= options.watch)
		program_write(program, "# ", stdout);
	if (counts.programs % PROGRESS == 0 || counts.programs >= options.watch)
		fflush(stdout);
}

static struct verdict try(const struct program *program, uint64_t seed)
{
	struct verdict verdict;

	say_progress(program);
	verdict = run(program);
	if (options.print)
		run_write(program, stdout);
	counts.programs++;
	counts.calls += verdict.made;
	counts.checked += verdict.checked;
	counts.gave_up += verdict.gave_up;
	if (verdict.failed)
		report(program, verdict, seed);
	return verdict;
}

/* Run the programs of a text; false: it is not right. */
static bool run_text(const char *text)
{
	struct program program;

	while (program_read(&program, &text)) {
		corpus_add(&program);
		/* what is made at once may go well once */
		for (int i = options.replay && program.kind == TOGETHER ? 20 : 1; i; i--)
			try(&program, 0);
	}
	return !*text;
}

static bool run_file(const char *path)
{
	static char text[1 << 22];
	FILE *file = fopen(path, "re");

	if (!file) {
		perror(path);
		return false;
	}
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return run_text(text);
}

/* For selftests/fuzz/collect. */
static void tell(const struct program *program)
{
	counts.found++;
	printf("# found\n");
	program_write(program, "", stdout);
	printf("# end\n");
	fflush(stdout);
}

/* Leave out what it does not take to reach what it reaches beyond the mark. */
static void cut_to_found(struct program *program, unsigned int reached)
{
	for (unsigned int i = program->count; i--; ) {
		struct program less = *program;

		if (less.call[i].op == OP_TOGETHER)
			continue;
		program_delete(&less, i);
		cover_back();
		if (!run(&less).failed && cover_count() >= reached)
			*program = less;
	}
	cover_back();
	run(program);
}

/*
 * Of all that was found, those that it takes to reach the same, the short ones first.
 * What is made at once reaches now this and now that, and is no measure.
 */
static void merge(void)
{
	cover_forget();
	for (unsigned int length = 1; length <= CALLS_MAX; length++) {
		for (unsigned int i = 0; i < corpus_count(); i++) {
			struct program program = *corpus_at(i);
			unsigned int before = cover_count();

			if (program.count != length || program.kind == TOGETHER)
				continue;
			cover_mark();
			if (run(&program).failed || cover_count() == before) {
				cover_back();
				continue;
			}
			cut_to_found(&program, cover_count());
			tell(&program);
		}
	}
}

static bool time_is_left(time_t until)
{
	struct timespec now;

	if (!options.seconds)
		return counts.programs - counts.known < options.programs;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < until;
}

static void fuzz(void)
{
	struct random all = { options.seed };
	struct timespec now;

	counts.known = counts.programs;
	clock_gettime(CLOCK_MONOTONIC, &now);
	while (time_is_left(now.tv_sec + options.seconds) && counts.reported < options.failures) {
		uint64_t seed = random_next(&all);
		struct random random = { seed };
		unsigned int before = cover_count();
		struct program program;

		if (!corpus_count() || random_once(&random, 3)) {
			program_random(&program, &random);
		} else {
			program = *corpus_pick(&random);
			program_mutate(&program, corpus_pick(&random), &random);
		}
		if (!try(&program, seed).failed && cover_count() > before) {
			corpus_add(&program);
			tell(&program);
		}
	}
}

/* --- the command line ------------------------------------------------------------ */

static error_t option(int key, char *value, struct argp_state *state)
{
	switch (key) {
	case 's':
		options.seed = strtoull(value, NULL, 0);
		break;
	case 't':
		options.seconds = strtoul(value, NULL, 0);
		break;
	case 'n':
		options.programs = strtoul(value, NULL, 0);
		break;
	case 'f':
		options.failures = strtoul(value, NULL, 0);
		break;
	case 'r':
		options.replay = value;
		break;
	case 'm':
		options.merge = value;
		break;
	case 'w':
		options.watch = strtoul(value, NULL, 0);
		break;
	case 'p':
		options.print = true;
		break;
	case 'b':
		options.bare = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	(void)state;
	return 0;
}

static void result(bool fine, int number, const char *what)
{
	/* what is said last is shown where only the verdict is */
	if (!fine)
		printf("# %u failed, the first: %s\n", counts.failed, counts.why);
	printf("%sok %d %s\n", fine ? "" : "not ", number, what);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct argp_option known[] = {
		{ "seed", 's', "NUMBER", 0, "what all depends on", 0 },
		{ "seconds", 't', "NUMBER", 0, "so long", 0 },
		{ "programs", 'n', "NUMBER", 0, "or so many programs", 0 },
		{ "failures", 'f', "NUMBER", 0, "and until so many have failed", 0 },
		{ "replay", 'r', "FILE", 0, "only the programs in this file", 0 },
		{ "merge", 'm', "FILE", 0, "tell which of the corpus and of this file it takes", 0 },
		{ "watch", 'w', "NUMBER", 0, "print programs before they run, from this one on", 0 },
		{ "print", 'p', NULL, 0, "tell what each call came to", 0 },
		{ "bare", 'b', NULL, 0, "without the corpus", 0 },
		{ NULL, 0, NULL, 0, NULL, 0 },
	};
	static const struct argp argp = { known, option, NULL, "A fuzzer for /dev/mailbox", NULL,
					  NULL, NULL };
	unsigned int failed, checked;
	bool guided, fine = true, fuzzed, told;

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL))
		return 1;
	guided = cover_init();
	printf("TAP version 13\n1..%d\n", options.replay || options.merge ? 1 : 2 + !options.bare);
	printf("# seed %#llx, %s\n", (unsigned long long)options.seed,
	       guided ? "guided by KCOV" : "not guided: this kernel has no KCOV");
	if (!run_begin()) {
		perror("Bail out! /dev/mailbox or the actors");
		return 1;
	}

	if (options.replay) {
		fine = run_file(options.replay);
		result(fine && !counts.failed, 1, "replay");
	} else if (!options.bare) {
		fine = run_text(corpus_text) && (!options.merge || run_file(options.merge));
		result(fine && !counts.failed, 1, "corpus");
	}
	if (options.merge) {
		merge();
	} else if (!options.replay) {
		failed = counts.failed;
		checked = counts.checked;
		fuzz();
		/* what it makes must come to something: calls of which it knows what comes out */
		fuzzed = counts.failed == failed && counts.programs > counts.known &&
			 counts.checked - checked >= counts.programs - counts.known;
		result(fuzzed, 1 + !options.bare, "fuzz");
		/*
		 * Where there is KCOV it must have told of the module: of the kernel's own code
		 * it tells nothing, and a module built without it is reached nowhere.
		 */
		told = !guided || cover_count() >= PLACES_LEAST;
		printf("%sok %d guided%s\n", told ? "" : "not ", 2 + !options.bare,
		       guided ? "" : " # SKIP this kernel has no KCOV");
		fine = fine && fuzzed && told;
	}
	printf("# %u programs, %u calls, of which %u were foreseen; %u programs went where the contract is silent\n",
	       counts.programs, counts.calls, counts.checked, counts.gave_up);
	printf("# %u places in the module were reached, %u programs were found\n", cover_count(),
	       counts.found);
	return counts.failed || !fine;
}
