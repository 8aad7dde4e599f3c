// SPDX-License-Identifier: GPL-2.0
/*
 * The module cannot be taken away from under those who use it.  That it can
 * be when nobody does, and works again afterwards, is what the guest's init
 * shows, between its runs of these programs.
 *
 * features.rst rows with their test here:
 *   shared memory: survive detach (PERSIST)	unload_persistent_mailbox
 */
#include "kselftest_harness.h"
#include "common.h"

#include <sys/mman.h>

#define MODULE	"mailbox_ipc"

/* delete_module(2) of what is in use; 0 would be a disaster. */
static int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

TEST(unload_open_device)
{
	int device = mbx_device();
	struct mailbox_info info;

	ASSERT_LE(0, device);
	ASSERT_EQ(-EWOULDBLOCK, unload());
	EXPECT_EQ(0, mbx_info(device, &info));
	close(device);
}

TEST(unload_open_handle)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);

	ASSERT_LE(0, fd);
	ASSERT_EQ(-EWOULDBLOCK, unload());
	ASSERT_EQ(0, mbx_put(fd, "still here", 0));
	ASSERT_EQ(-EWOULDBLOCK, unload());
	EXPECT_STREQ("still here", mbx_next(fd));
	close(fd);
}

TEST(unload_destroyed_but_open)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_stat stat;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_destroy(fd, NULL));
	ASSERT_EQ(-EWOULDBLOCK, unload());
	EXPECT_EQ(0, mbx_stat(fd, &stat));
	close(fd);
}

TEST(unload_while_somebody_waits)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mbx_call call;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_call_receive(&call, fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 0, 1));
	ASSERT_EQ(-EWOULDBLOCK, unload());
	ASSERT_EQ(0, mbx_put(fd, "x", 0));
	EXPECT_EQ(0, mbx_call_join(&call));
	close(fd);
}

/* Nothing is open, and still a mailbox has to be kept. */
TEST(unload_persistent_mailbox)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create attr = {
		.name = MBX_PTR(mbx_name(name, "unload")),
		.flags = MAILBOX_CREATE_PERSIST,
		.rights = MAILBOX_RIGHT_SEND,
		.mode = 0600,
		.capacity = 1,
	};
	int fd = mbx_create(&attr);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put(fd, "kept", 0));
	close(fd);
	ASSERT_EQ(-EWOULDBLOCK, unload());
	fd = mbx_open(name, MAILBOX_RIGHT_ALL);
	ASSERT_LE(0, fd);
	EXPECT_STREQ("kept", mbx_next(fd));
	EXPECT_EQ(0, mbx_destroy(fd, NULL));
	close(fd);
}

/* A ring that is mapped, and whose descriptors are closed, is in use; and by whom. */
TEST(unload_ring_mapped)
{
	struct mailbox_channel ends = { .capacity = 1, .ring = 4096, .ring_back = 4096 };
	char line[256], who[64];
	bool named = false;
	FILE *says;

	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CHANNEL, &ends));
	ASSERT_NE(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, ends.fd, 0));
	close(ends.fd);
	close(ends.fd_back);
	ASSERT_EQ(-EWOULDBLOCK, unload());

	snprintf(who, sizeof(who), "  process %d (", getpid());
	says = popen("mailboxctl unload 2>&1", "r");
	ASSERT_NE(NULL, says);
	while (fgets(line, sizeof(line), says))
		named |= !strncmp(line, who, strlen(who));
	/* EX_TEMPFAIL */
	EXPECT_EQ(75 << 8, pclose(says));
	EXPECT_TRUE(named);
}

TEST_HARNESS_MAIN
