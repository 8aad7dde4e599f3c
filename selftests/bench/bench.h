/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the works of the bench share: the clock, the peers, the way to report.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define BYTES_MAX	65536

/* Which end of a link: requests go FORTH, answers come BACK. */
enum way { FORTH, BACK, WAYS };

/* What is done with a peer. */
enum {
	ROUNDTRIP = 1,		/* a request there, an answer back */
	STREAM = 2,		/* one way, as fast as it goes */
	ALONE = 4,		/* send, receive: one process, nobody waits */
	SWITCHING = ROUNDTRIP | STREAM,
	ALL_WORKS = ROUNDTRIP | STREAM | ALONE
};

/* Two one-way queues between two processes that fork(2) makes of one. */
struct link {
	const struct peer *peer;
	int from[WAYS];		/* where a message is taken out */
	int into[WAYS];		/* where it is put in */
	size_t bytes;
	long *message;		/* SysV's: a type and the payload */
	char *buffer;		/* the payload, .bytes */
};

/*
 * A way for processes to talk.  The bench does the same with each of them;
 * what a peer cannot do (a length of 0 on a pipe) it says by its limits.
 */
struct peer {
	const char *name;
	const char *variant;	/* appended to the work's name */
	unsigned int works;
	size_t bytes_min;
	size_t bytes_max;
	unsigned int depth;	/* messages, where the bench chooses them; else 0 */
	int (*open)(struct link *link, unsigned int depth);
	void (*close)(struct link *link);
	void (*send)(struct link *link, enum way way);
	void (*receive)(struct link *link, enum way way);
};

extern const struct peer *const peers[];
extern const size_t peer_count;

/* rings.c */
extern const struct peer ring_peer, futex_peer;
void work_pass(void);
void work_watched(void);

void link_open(struct link *link, const struct peer *peer, size_t bytes,
	       unsigned int depth);
void link_close(struct link *link);

static inline void link_send(struct link *link, enum way way)
{
	link->peer->send(link, way);
}

static inline void link_receive(struct link *link, enum way way)
{
	link->peer->receive(link, way);
}

/* mailbox.c: what is asked of the mailbox alone */
int bench_device(void);
void work_batch(void);
void work_depth(void);
void work_open(void);
void work_idle(void);
void work_queued(void);

/* memory.c: bytes that the kernel's slabs hold */
struct slabs;
struct slabs *slabs_read(void);
double slabs_grown(const struct slabs *before, const struct slabs *after,
		   unsigned int objects);

/*
 * The clock.  In the bench's guest one tick of the time stamp counter is one
 * instruction, of the user's or of the kernel's.  The two no-ops around a
 * measurement tell profile.c, where it listens, what to count.
 */
static inline uint64_t clock_start(void)
{
	__asm__ volatile("nopl 0x4d425801(%%rax)" : : : "memory");
	return __builtin_ia32_rdtsc();
}

/* Ticks since @start. */
static inline uint64_t clock_stop(uint64_t start)
{
	uint64_t ticks = __builtin_ia32_rdtsc() - start;

	__asm__ volatile("nopl 0x4d425802(%%rax)" : : : "memory");
	return ticks;
}

double median(double *values, size_t count);
void print_result(const char *work, const char *variant, const char *peer,
	    size_t bytes, const char *gauge, double value);
void print_operations(uint64_t count);
void die(const char *what) __attribute__((noreturn));

#endif /* BENCH_H */
