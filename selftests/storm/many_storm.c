// SPDX-License-Identifier: GPL-2.0
/*
 * A hundred thousand mailboxes: without a name, each with an open handle; and
 * with a name and nothing else, listed while others come and go, and destroyed
 * by several at once.
 */
#include "storm.h"

#include <sys/resource.h>

#define ALICE		61101
#define DESTROYERS	4
#define NAME		"many-%06u"

static unsigned int many;

static struct mailbox_info usage(void)
{
	struct mailbox_info info;
	int device = mbx_device();

	STORM_CHECK_RESULT(mbx_info(device, &info), 0);
	close(device);
	return info;
}

static int create(int device, const char *name, __u32 flags)
{
	struct mailbox_create attr = {
		.name = MBX_PTR(name),
		.flags = flags,
		.rights = MAILBOX_RIGHT_ALL,
		.mode = name ? 0600 : 0,
		.capacity = 1,
	};
	int result = mbx_ioctl(device, MAILBOX_IOC_CREATE, &attr);

	return result ?: attr.fd;
}

static int open_name(int device, unsigned int i, __u32 rights)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_open attr = { .name = MBX_PTR(name), .rights = rights };
	int result;

	snprintf(name, sizeof(name), NAME, i);
	result = mbx_ioctl(device, MAILBOX_IOC_OPEN, &attr);
	return result ?: attr.fd;
}

/* --- without a name --------------------------------------------------- */

static void unnamed(void)
{
	struct rlimit files = { many + 64, many + 64 };
	struct mailbox_info before = usage();
	__u32 chance = storm_seeded(0, 0);
	unsigned int messages = 0;
	__u64 sent = 0;
	int device = mbx_device();
	int *handles = calloc(many, sizeof(*handles));

	STORM_CHECK(!setrlimit(RLIMIT_NOFILE, &files));
	for (unsigned int i = 0; i < many && storm_fine(); i++) {
		handles[i] = create(device, NULL, 0);
		STORM_CHECK_RESULT(handles[i] < 0 ? handles[i] : 0, 0);
		if (storm_roll(&chance) % 4)
			continue;
		STORM_CHECK_RESULT(mbx_put(handles[i], "one of many", MAILBOX_NONBLOCK), 0);
		messages++;
	}
	STORM_CHECK(usage().user_mailboxes == before.user_mailboxes + many);
	STORM_CHECK(usage().user_messages == before.user_messages + messages);
	/* they go in no order, by DESTROY and without */
	for (unsigned int i = many - 1; i && storm_fine(); i--) {
		unsigned int other = storm_roll(&chance) % (i + 1);
		int handle = handles[other];

		handles[other] = handles[i];
		handles[i] = handle;
	}
	for (unsigned int i = 0; i < many; i++) {
		struct mailbox_stat stat;
		__u64 had = 0;

		if (i % 2)
			STORM_CHECK_RESULT(mbx_destroy(handles[i], &had), 0);
		STORM_BALANCE(handles[i], 1, &stat);
		STORM_CHECK(stat.dropped == had && !stat.received);
		sent += stat.sent;
		close(handles[i]);
	}
	STORM_CHECK(sent == messages);
	STORM_CHECK(usage().user_mailboxes == before.user_mailboxes);
	STORM_CHECK(usage().user_messages == before.user_messages);
	STORM_CHECK(usage().user_bytes == before.user_bytes);
	close(device);
	free(handles);
}

/* --- with a name ------------------------------------------------------ */

/* As many as the user may, and not one more. */
static int make_all(void)
{
	int device = mbx_device();
	char name[MBX_NAME_SIZE];

	STORM_CHECK_RESULT(mbx_become(ALICE), 0);
	for (unsigned int i = 0; i < many && storm_fine(); i++) {
		int handle;

		/* not in the order of names */
		snprintf(name, sizeof(name), NAME, (unsigned int)(i * 7919ULL % many));
		handle = create(device, name, MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST);
		STORM_CHECK_RESULT(handle < 0 ? handle : 0, 0);
		close(handle);
	}
	STORM_CHECK(usage().user_mailboxes == many);
	STORM_CHECK_RESULT(create(device, "one too many", 0), -EDQUOT);
	return 0;
}

/* Names that come and go between those that are there, until it is killed. */
static void flicker(void)
{
	__u32 chance = storm_seeded(0, 1);
	int device = mbx_device();

	for (;;) {
		char name[MBX_NAME_SIZE];
		int handle;

		snprintf(name, sizeof(name), NAME "+", storm_roll(&chance) % many);
		handle = create(device, name, 0);
		STORM_CHECK(handle >= 0);
		close(handle);
	}
}

/* Each that is there all the time is listed once, and in order. */
static void list_all(void)
{
	static struct mailbox_stat entries[4096];
	__u32 chance = storm_seeded(0, 2);
	char after[MBX_NAME_SIZE] = "";
	int device = mbx_device();
	unsigned int next = 0;
	struct mailbox_list list;

	do {
		list = (struct mailbox_list) {
			.after = after[0] ? MBX_PTR(after) : 0,
			.entries = MBX_PTR(entries),
			.entry_size = sizeof(entries[0]),
			.count = 1 + storm_roll(&chance) % 4096,
		};
		if (!STORM_CHECK_RESULT(mbx_ioctl(device, MAILBOX_IOC_LIST, &list), 0))
			break;
		for (unsigned int i = 0; i < list.count; i++) {
			char name[MBX_NAME_SIZE];

			STORM_CHECK(strcmp(after, entries[i].name) < 0);
			snprintf(after, sizeof(after), "%s", entries[i].name);
			if (strchr(after, '+'))
				continue;
			snprintf(name, sizeof(name), NAME, next++);
			STORM_CHECK(!strcmp(name, after));
		}
	} while (list.more && storm_fine());
	STORM_CHECK(next == many);
	close(device);
}

/* All of them, and each of these is destroyed by one process. */
static int destroy_all(unsigned int who, unsigned int *destroyed)
{
	int device = mbx_device();

	for (unsigned int i = 0; i < many; i++) {
		unsigned int number = (i + who * (many / 64)) % many;
		int handle = open_name(device, number, MAILBOX_RIGHT_ADMIN), result;

		if (handle < 0) {
			STORM_CHECK_RESULT(handle, -ENOENT);
			continue;
		}
		result = mbx_destroy(handle, NULL);
		STORM_CHECK_RESULT(result, 0, -EIDRM);
		if (!result)
			__atomic_add_fetch(destroyed, 1, __ATOMIC_RELAXED);
		close(handle);
	}
	return 0;
}

static void named(void)
{
	unsigned int *destroyed = storm_shared(sizeof(*destroyed));
	long long quota = mbx_parameter("user_mailboxes");
	pid_t children[DESTROYERS], child;

	STORM_CHECK_RESULT(mbx_set_parameter("user_mailboxes", many), 0);
	child = mbx_fork();
	if (!child)
		_exit(make_all());
	STORM_CHECK(mbx_join(child) == 0);
	storm_result("a user makes as many with a name as the quota allows");

	child = mbx_fork();
	if (!child)
		flicker();
	list_all();
	kill(child, SIGKILL);
	STORM_CHECK(storm_join(child) == 128 + SIGKILL);
	storm_result("the list has each of them once, while others come and go");

	for (unsigned int i = 0; i < DESTROYERS; i++) {
		children[i] = mbx_fork();
		if (!children[i])
			_exit(destroy_all(i, destroyed));
	}
	for (unsigned int i = 0; i < DESTROYERS; i++)
		STORM_CHECK(mbx_join(children[i]) == 0);
	STORM_CHECK(*destroyed == many);
	child = mbx_fork();
	if (!child) {
		mbx_become(ALICE);
		STORM_CHECK(!usage().user_mailboxes && !usage().user_bytes);
		_exit(0);
	}
	STORM_CHECK(mbx_join(child) == 0);
	STORM_CHECK_RESULT(mbx_set_parameter("user_mailboxes", quota), 0);
	storm_result("several destroy them, each of them once");
}

int main(int argc, char **argv)
{
	storm_begin(argc, argv, 5);
	many = storm_many(4000, 100000);
	unnamed();
	storm_result("that many with an open handle come and go");
	named();
	storm_calm();
	return storm_end();
}
