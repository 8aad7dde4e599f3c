/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the storms share: chance that can be repeated, how long to go on, what
 * is found wrong, and whether all is calm again afterwards.
 *
 *	NAME_storm [--long] [--seed NUMBER]
 *
 * A storm goes on for some rounds; a long one for some minutes.  What its
 * tasks do is drawn from the seed, which is printed; when they do it is the
 * scheduler's choice.
 */
#ifndef MBX_SELFTEST_STORM_H
#define MBX_SELFTEST_STORM_H

#include "../mailbox/hostile.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* --- the program ----------------------------------------------------- */

/* @results: how many storm_result() there will be */
void storm_begin(int argc, char **argv, unsigned int results);
/* What was found wrong since the last result makes it a failure. */
void storm_result(const char *what);
void storm_skip(const char *why);
/* Is nothing left of what there was not before storm_begin()? */
void storm_calm(void);
/* The program's exit code. */
int storm_end(void);

/* Has nothing been found wrong since the last result? */
bool storm_fine(void);
/* One round more?  So many in short; in long until the program is so old, or a share. */
bool storm_goes_on(unsigned int round, unsigned int rounds, unsigned int minutes);
/* One number for the short form, another for the long one, or a share of that. */
unsigned int storm_many(unsigned int in_short, unsigned int in_long);

void storm_remark(const char *format, ...) __attribute__((format(printf, 1, 2)));
void storm_wrong(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* For threads and children as well; true if it holds. */
#define STORM_CHECK(condition) ({					\
	bool __good = (condition);					\
	if (!__good)							\
		storm_wrong(__FILE__, __LINE__, "not so: %s", #condition); \
	__good;								\
})

/* A result that should be one of several. */
#define STORM_CHECK_RESULT(result, ...) ({				\
	const int __may[] = { __VA_ARGS__ };				\
	int __result = (result);					\
	bool __good = false;						\
	for (size_t __i = 0; __i < ARRAY_SIZE(__may); __i++)		\
		__good |= __result == __may[__i];			\
	if (!__good)							\
		storm_wrong(__FILE__, __LINE__, "%s: %d (%s)", #result,	\
			    __result, strerror(abs(__result)));		\
	__good;								\
})

/*
 * Are the books of a mailbox that nobody uses any more balanced?  What does not agree is
 * shown, and what STAT says is in @stat.  @most is how many receivers a message can have
 * had at most: 1, but for BROADCAST, whose counters count for each receiver.
 */
bool storm_balance(const char *file, int line, int handle, unsigned int most,
		   struct mailbox_stat *stat);

#define STORM_BALANCE(handle, most, stat)				\
	storm_balance(__FILE__, __LINE__, handle, most, stat)

/* In how many accounts a message is that was sent: one for each receiver, or for nobody. */
static inline unsigned int storm_shares(const struct mailbox_send *sent)
{
	return sent->receipt.receivers ?: 1;
}

/* --- chance ---------------------------------------------------------- */

/* The beginning of a series of one's own. */
__u32 storm_seeded(unsigned int round, unsigned int who);
__u32 storm_roll(__u32 *state);
/* Let a little time pass, for the others to come to anywhere. */
void storm_dither(__u32 *state, unsigned int microseconds);

/* Bytes that tell whether they are the tag's. */
void storm_stamp(void *bytes, size_t length, __u64 tag);
bool storm_stamped(const void *bytes, size_t length, __u64 tag);

/* --- tasks and files ------------------------------------------------- */

/*
 * As mbx_join(), but one that does not end is wrong: where its threads sleep
 * is shown, and it is killed.
 */
int storm_join(pid_t child);
/* Where the threads of a process sleep, in the kernel. */
void storm_show_threads(pid_t pid);
/* Memory that children share. */
void *storm_shared(size_t size);

int storm_write(const char *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A file's number, or that behind the word @key; or the negative errno. */
long long storm_number(const char *path, const char *key);

#endif /* MBX_SELFTEST_STORM_H */
