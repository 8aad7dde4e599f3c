// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Semaphores made of a mailbox.
 *
 * A semaphore of n is a mailbox with n empty messages in it.  Down takes one,
 * and waits if there is none; up puts one back.  So it can also be polled, be
 * waited for until a time, have a name, and be watched.  Its capacity is n,
 * which makes one up too many an error and not a fault that is found later.
 *
 * A process that dies inside takes its message with it, as with sem_wait(3).
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "example.h"

static void up(int semaphore)
{
	struct mailbox_error error;

	if (mailbox_trysend(semaphore, NULL, 0, 0, 0, &error))
		die_of("up", &error);
}

static void down(int semaphore)
{
	struct mailbox_error error;

	if (mailbox_receive(semaphore, NULL, 0, NULL, &error) < 0)
		die_of("down", &error);
}

static int make_semaphore(unsigned int count)
{
	int semaphore = make_mailbox(count);

	while (count--)
		up(semaphore);
	return semaphore;
}

struct shared {
	volatile long counter;	/* guarded by the binary semaphore alone */
	atomic_int inside;
	atomic_int most;
};

/* --- binary: mutual exclusion ---------------------------------------------- */

#define ADDERS	4
#define ROUNDS	250

static void add(int semaphore, struct shared *shared)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		long value;

		down(semaphore);
		value = shared->counter;
		if (i % 50 == 0)
			sched_yield();	/* would let others in, were it open */
		shared->counter = value + 1;
		up(semaphore);
	}
}

/* --- counting: at most so many at a time ------------------------------------ */

#define VISITORS	8
#define SEATS		3
#define VISITS		10

static void visit(int semaphore, struct shared *shared)
{
	int i;

	for (i = 0; i < VISITS; i++) {
		int inside, most;

		down(semaphore);
		inside = atomic_fetch_add(&shared->inside, 1) + 1;
		most = atomic_load(&shared->most);
		while (inside > most &&
		       !atomic_compare_exchange_weak(&shared->most, &most, inside))
			;
		usleep(1000);
		atomic_fetch_sub(&shared->inside, 1);
		up(semaphore);
	}
}

int main(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct mailbox_error error;
	int binary, counting;
	int i;

	if (shared == MAP_FAILED)
		die("mmap: %s", strerror(errno));

	binary = make_semaphore(1);
	for (i = 0; i < ADDERS; i++) {
		if (start() == 0) {
			add(binary, shared);
			return EXIT_SUCCESS;
		}
	}
	if (!all_ended_well() || shared->counter != ADDERS * ROUNDS)
		die("binary semaphore: counted to %ld and not to %d", shared->counter,
		    ADDERS * ROUNDS);
	printf("binary semaphore: %d processes counted to %ld together\n", ADDERS,
	       shared->counter);

	counting = make_semaphore(SEATS);
	for (i = 0; i < VISITORS; i++) {
		if (start() == 0) {
			visit(counting, shared);
			return EXIT_SUCCESS;
		}
	}
	if (!all_ended_well() || shared->most > SEATS || shared->inside)
		die("counting semaphore: %d were inside at once, and it has %d seats",
		    shared->most, SEATS);
	printf("counting semaphore: of %d visitors at most %d were inside at once\n", VISITORS,
	       shared->most);

	/* One up too many is refused. */
	if (mailbox_trysend(counting, NULL, 0, 0, 0, &error) != -EAGAIN)
		die("counting semaphore: it took an up too many");
	return EXIT_SUCCESS;
}
