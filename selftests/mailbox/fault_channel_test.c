// SPDX-License-Identifier: GPL-2.0
/*
 * As fault_test, for channels, rings and segments: every allocation of memory and
 * every copy from or to the user that a call makes fails once.  Each time no
 * request is lost, the channel and its rings go on working, and no descriptor
 * and nothing of a quota is left behind.  Also where another thread answers, asks
 * or sleeps meanwhile: who waits goes on waiting until the call is made again.
 *
 * features.rst rows with their test here:
 *   memory runs out: errno, nothing lost	fault_channel.*.each_fails_once
 */
#include "fault.h"

#include <mailbox_ring.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#define SIZE	4096			/* of the rings */
#define BACKLOG	4			/* of the listener */
/* Longer than what is copied word by word, which cannot be made to fail. */
#define MIDDLE	1000
#define SPAN	(4096 + 2 * SIZE)
#define THEIRS	0x40000000

/* --- the place where it happens --------------------------------------- */

/**
 * struct site - a listener, what it was asked for, and a channel
 * @device: /dev/mailbox
 * @listener: a mailbox
 * @asker: another handle on it
 * @asked: the end that belongs to the request that the listener has received
 * @sequence: that request's
 * @answered: it has an answer
 * @queued: requests that wait in the listener's queue
 * @end: a channel with rings
 * @segment: another mailbox, a segment
 * @destroyed: but no more
 * @made: descriptors that the call made, or -1
 * @ring: that it opened, or NULL
 * @error: what the call said, or NULL where it has no way to
 * @letters: messages on their way from the first end to the second
 * @refused: the call, or who asked for @asked, was told so
 * @refusal: with this number; 0 where it could not be written
 * @deadline: of calls that sleep; to ask for the time may copy, and so fail
 * @caller: the thread that makes the call
 * @other: the one on the other side
 * @other_tid: the same for /proc; 0 until it runs
 * @other_end: the end that the other one was given, or -1
 * @other_result: 0, or what its call said
 */
struct site {
	int device;
	int listener;
	int asker;
	int asked;
	__u64 sequence;
	bool answered;
	unsigned int queued;
	int end[2];
	int segment;
	bool destroyed;
	int made[2];
	struct mailbox_ring *ring;
	struct mailbox_error *error;
	unsigned int letters;
	bool refused;
	__u64 refusal;
	__s64 deadline;
	pid_t caller;
	pthread_t other;
	pid_t other_tid;
	int other_end;
	int other_result;
};

static int called(struct site *site, int result, const struct mailbox_error *error)
{
	static __thread struct mailbox_error copy;

	copy = *error;
	site->error = &copy;
	return result;
}

static int ask(struct site *site, struct mailbox_connect *how)
{
	how->flags |= MAILBOX_NONBLOCK;
	how->capacity = 2;
	return mbx_ioctl(site->asker, MAILBOX_IOC_CONNECT, how);
}

static int hear(struct site *site, struct mailbox_receive *message, char room[64])
{
	*message = (struct mailbox_receive){
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(room), .length = 64,
	};
	return mbx_receive(site->listener, message);
}

static void write_letter(char letter[MIDDLE])
{
	for (int i = 0; i < MIDDLE; i++)
		letter[i] = i % 251;
}

static int send_letter(struct site *site, struct mailbox_error *error)
{
	char letter[MIDDLE];
	struct mailbox_send message = {
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(letter), .length = MIDDLE,
	};
	int result;

	write_letter(letter);
	result = mbx_send(site->end[0], &message);
	site->letters += !result;
	*error = message.error;
	return result;
}

static int receive_letter(struct site *site, struct mailbox_error *error)
{
	char letter[MIDDLE], room[MIDDLE];
	struct mailbox_receive message = {
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(room), .length = MIDDLE,
	};
	int result = mbx_receive(site->end[1], &message);

	*error = message.error;
	if (result)
		return result;
	site->letters--;
	write_letter(letter);
	return message.header.length == MIDDLE &&
	       !memcmp(room, letter, MIDDLE) ? 0 : -EBADMSG;
}

/* --- the calls -------------------------------------------------------- */

static int make_channel(struct site *site, __u32 ring)
{
	struct mailbox_channel how = { .ring = ring, .ring_back = 2 * ring, .capacity = 2 };
	int result = mbx_ioctl(site->device, MAILBOX_IOC_CHANNEL, &how);

	if (!result) {
		site->made[0] = how.fd;
		site->made[1] = how.fd_back;
	}
	return called(site, result, &how.error);
}

static int call_channel(struct site *site)
{
	return make_channel(site, 0);
}

static int call_channel_with_rings(struct site *site)
{
	return make_channel(site, SIZE);
}

static int connected(struct site *site, struct mailbox_connect *how)
{
	int result = ask(site, how);

	if (!result) {
		site->made[0] = how->fd;
		site->queued++;
	}
	return called(site, result, &how->error);
}

static int call_connect(struct site *site)
{
	return connected(site, &(struct mailbox_connect){
		.buffer = MBX_PTR("please"), .length = 6, .ring = SIZE, .ring_back = SIZE,
	});
}

static int call_connect_vector(struct site *site)
{
	struct mailbox_vector pieces[] = {
		{ MBX_PTR("ple"), 3 }, { MBX_PTR("ase"), 3 },
	};

	return connected(site, &(struct mailbox_connect){
		.flags = MAILBOX_VECTOR, .buffer = MBX_PTR(pieces), .length = 2,
	});
}

/* Until it is answered. */
static int ask_and_wait(struct site *site, struct mailbox_connect *how)
{
	int result;

	*how = (struct mailbox_connect){
		.flags = MAILBOX_DEADLINE, .deadline = site->deadline,
		.buffer = MBX_PTR("please"), .length = 6, .capacity = 2,
		.ring = SIZE, .ring_back = SIZE, .fd = -1,
	};
	result = mbx_ioctl(site->asker, MAILBOX_IOC_CONNECT, how);
	if (result != -ECONNREFUSED || how->fd != -1 ||
	    (how->error.code && how->error.reason != MAILBOX_REASON_REFUSED))
		return result;
	site->refused = true;
	site->refusal = how->error.value;
	return 0;
}

static int call_connect_and_wait(struct site *site)
{
	struct mailbox_connect how;
	int result = ask_and_wait(site, &how);

	if (!result)
		site->made[0] = how.fd;
	return called(site, result, &how.error);
}

static int call_receive(struct site *site)
{
	struct mailbox_receive message;
	char room[64];
	int result = hear(site, &message, room);

	if (!result) {
		struct mailbox_refuse no = { .sequence = message.header.sequence };

		if (!(message.header.flags & MAILBOX_MESSAGE_CONNECT))
			return -EBADMSG;
		site->queued--;
		/* not part of the call: a failure here is one more, and tried again */
		while (mbx_ioctl(site->listener, MAILBOX_IOC_REFUSE, &no) == -EFAULT)
			;
	}
	return called(site, result, &message.error);
}

static int call_accept(struct site *site)
{
	struct mailbox_accept yes = { .sequence = site->sequence };
	int result = mbx_ioctl(site->listener, MAILBOX_IOC_ACCEPT, &yes);

	if (!result) {
		site->made[0] = yes.fd;
		site->answered = true;
	}
	return called(site, result, &yes.error);
}

static int call_refuse(struct site *site)
{
	struct mailbox_refuse no = { .sequence = site->sequence, .code = 7 };
	int result = mbx_ioctl(site->listener, MAILBOX_IOC_REFUSE, &no);

	site->answered = !result;
	return called(site, result, &no.error);
}

static int call_peer(struct site *site)
{
	struct mailbox_peer peer = { .flags = 0 };
	int result = mbx_ioctl(site->end[0], MAILBOX_IOC_PEER, &peer);

	if (!result && peer.pid != getpid())
		return -EBADMSG;
	return called(site, result, &peer.error);
}

static int call_peer_pidfd(struct site *site)
{
	struct mailbox_error error = { .code = 0 };
	int pidfd = mailbox_peer_pidfd(site->end[0], &error);

	if (pidfd >= 0)
		site->made[0] = pidfd;
	return called(site, pidfd < 0 ? pidfd : 0, &error);
}

static int call_send_to_end(struct site *site)
{
	struct mailbox_error error;
	int result = send_letter(site, &error);

	return called(site, result, &error);
}

static int call_receive_from_end(struct site *site)
{
	struct mailbox_error error;
	int result = receive_letter(site, &error);

	return called(site, result, &error);
}

/* Until the other end says WAKE. */
static int call_ring_sleep(struct site *site)
{
	struct mailbox_ring_wait wait = {
		.flags = MAILBOX_DEADLINE, .events = MAILBOX_RING_DATA,
		.deadline = site->deadline,
	};

	return called(site, mbx_ioctl(site->end[1], MAILBOX_IOC_RING_WAIT, &wait),
		      &wait.error);
}

/* The other end has said WAKE. */
static int call_ring_wait(struct site *site)
{
	struct mailbox_ring_wait wait = {
		.flags = MAILBOX_NONBLOCK, .events = MAILBOX_RING_DATA,
	};

	return called(site, mbx_ioctl(site->end[1], MAILBOX_IOC_RING_WAIT, &wait),
		      &wait.error);
}

static int call_ring_wake(struct site *site)
{
	struct mailbox_ring_wake wake = { .events = MAILBOX_RING_DATA };

	return called(site, mbx_ioctl(site->end[0], MAILBOX_IOC_RING_WAKE, &wake),
		      &wake.error);
}

/* Map it, and have the kernel touch every page. */
static int map(int fd, int protection, size_t length, off_t place)
{
	void *there = mmap(NULL, length, protection, MAP_SHARED, fd, place);
	int advice = protection & PROT_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	int result;

	if (there == MAP_FAILED)
		return -errno;
	result = madvise(there, length, advice) ? -errno : 0;
	/* not part of the call, and what fails just here has not failed before */
	while (munmap(there, length))
		;
	return result;
}

static int call_map_mine(struct site *site)
{
	return map(site->end[0], PROT_READ | PROT_WRITE, SPAN, 0);
}

static int call_map_theirs(struct site *site)
{
	return map(site->end[0], PROT_READ, SPAN, THEIRS);
}

static int call_map_segment(struct site *site)
{
	return map(site->segment, PROT_READ | PROT_WRITE, 3 * 4096, 0);
}

static int call_open_ring(struct site *site)
{
	struct mailbox_error error = { .code = 0 };
	int result = mailbox_ring_open(site->end[0], 0, &site->ring, &error);

	return called(site, result, &error);
}

static int call_dup(struct site *site)
{
	struct mailbox_dup how = { .rights = MAILBOX_RIGHT_RECEIVE };
	int result = mbx_ioctl(site->end[0], MAILBOX_IOC_DUP, &how);

	if (!result)
		site->made[0] = how.fd;
	return called(site, result, &how.error);
}

static int call_epoll(struct site *site)
{
	struct epoll_event event = { .events = EPOLLRDBAND | EPOLLWRBAND };
	int epoll = epoll_create1(EPOLL_CLOEXEC), result = 0;

	if (epoll < 0)
		return -errno;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, site->end[0], &event) ||
	    epoll_wait(epoll, &event, 1, 0) < 0)
		result = -errno;
	close(epoll);
	return result;
}

static int call_segment(struct site *site)
{
	struct mailbox_create how = {
		.rights = MAILBOX_RIGHT_ALL, .policy = MAILBOX_POLICY_SEGMENT,
		.capacity = 10000,
	};
	int result = mbx_ioctl(site->device, MAILBOX_IOC_CREATE, &how);

	if (!result)
		site->made[0] = how.fd;
	return called(site, result, &how.error);
}

static int call_destroy_now(struct site *site)
{
	struct mailbox_destroy how = { .flags = MAILBOX_DESTROY_NOW };
	int result = mbx_ioctl(site->segment, MAILBOX_IOC_DESTROY, &how);

	site->destroyed = !result;
	return called(site, result, &how.error);
}

/* --- who is on the other side meanwhile ------------------------------- */

/* Receive the next request, and see its asker sleep until it is answered. */
static int hear_asker(struct site *site, __u64 *sequence)
{
	char room[64];
	struct mailbox_receive message = { .buffer = MBX_PTR(room), .length = sizeof(room) };
	int result = mbx_receive(site->listener, &message);

	*sequence = message.header.sequence;
	if (!result && !mbx_wait_asleep(site->caller, SYS_ioctl))
		result = -ETIME;
	return result;
}

static int other_accepts(struct site *site)
{
	struct mailbox_accept yes = { .flags = 0 };
	int result = hear_asker(site, &yes.sequence);

	if (!result)
		result = mbx_ioctl(site->listener, MAILBOX_IOC_ACCEPT, &yes);
	if (!result)
		site->other_end = yes.fd;
	return result;
}

static int other_refuses(struct site *site)
{
	struct mailbox_refuse no = { .code = 7 };
	int result = hear_asker(site, &no.sequence);

	return result ?: mbx_ioctl(site->listener, MAILBOX_IOC_REFUSE, &no);
}

/* The request waits for its place in the queue, too. */
static int other_makes_room(struct site *site)
{
	if (!mbx_wait_waiters(site->listener, 1, 0))
		return -ETIME;
	for (int i = 0; i < BACKLOG; i++)
		if (strcmp(mbx_next(site->listener), "full"))
			return -EBADMSG;
	return other_accepts(site);
}

/* The request that the site has received is this one's. */
static int other_connects(struct site *site)
{
	struct mailbox_connect how;
	int result = ask_and_wait(site, &how);

	site->asked = how.fd;
	return result;
}

static int other_wakes(struct site *site)
{
	if (!mbx_wait_waiters(site->end[0], 0, 1))
		return -ETIME;
	return call_ring_wake(&(struct site){ .end = { site->end[0] } });
}

static int other_sleeps(struct site *site)
{
	return call_ring_sleep(&(struct site){
		.end = { -1, site->end[1] }, .deadline = site->deadline,
	});
}

/* --- the tests -------------------------------------------------------- */

FIXTURE(fault_channel)
{
	int control;
};

FIXTURE_VARIANT(fault_channel)
{
	int (*call)(struct site *site);
	int (*other)(struct site *site);	/* or NULL */
	uid_t caller;		/* real user */
	unsigned int least[FAULT_KINDS];	/* failures: slab, page, copy */
};

#define CALL(which, ...)						\
	FIXTURE_VARIANT_ADD(fault_channel, which) {			\
		.call = call_##which, __VA_ARGS__			\
	}
#define CALL_OF_STRANGER(which)						\
	FIXTURE_VARIANT_ADD(fault_channel, which##_stranger) {		\
		.call = call_##which, .caller = FAULT_ALICE		\
	}
#define CALL_OF_NEWCOMER(which)						\
	FIXTURE_VARIANT_ADD(fault_channel, which##_newcomer) {		\
		.call = call_##which, .caller = FAULT_NEWCOMER		\
	}
/* while another thread does what belongs to it */
#define CALL_AND_OTHER(which, what)					\
	FIXTURE_VARIANT_ADD(fault_channel, which##_other_##what) {	\
		.call = call_##which, .other = other_##what		\
	}

CALL(channel);
CALL(channel_with_rings, .least = { 6, 2 + 3, 1 });
CALL_OF_STRANGER(channel_with_rings);
CALL_OF_NEWCOMER(channel_with_rings);
CALL(connect, .least = { 6, 2 + 2, 1 });
CALL_OF_STRANGER(connect);
CALL_OF_NEWCOMER(connect);
CALL(connect_vector);
CALL_AND_OTHER(connect_and_wait, accepts);
CALL_AND_OTHER(connect_and_wait, refuses);
CALL_AND_OTHER(connect_and_wait, makes_room);
CALL(receive);
CALL(accept);
CALL_OF_STRANGER(accept);
CALL_OF_NEWCOMER(accept);
CALL_AND_OTHER(accept, connects);
CALL(refuse);
CALL_AND_OTHER(refuse, connects);
CALL(peer);
CALL(peer_pidfd);
CALL(send_to_end);
CALL(receive_from_end);
CALL(ring_wait);
CALL_AND_OTHER(ring_sleep, wakes);
CALL(ring_wake);
CALL_AND_OTHER(ring_wake, sleeps);
CALL(map_mine);
CALL(map_theirs);
CALL(map_segment);
CALL(open_ring);
CALL(dup);
CALL(epoll);
CALL(segment);
CALL_OF_STRANGER(segment);
CALL(destroy_now);

FIXTURE_SETUP(fault_channel)
{
	self->control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->control >= 0)
		ASSERT_EQ(0, fault_set_all());
}

FIXTURE_TEARDOWN(fault_channel)
{
	close(self->control);
}

struct other {
	struct site *site;
	int (*act)(struct site *site);
};

static void *be_other(void *argument)
{
	struct other *other = argument;
	struct site *site = other->site;

	__atomic_store_n(&site->other_tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	site->other_result = other->act(site);
	return NULL;
}

static void other_start(struct __test_metadata *_metadata, struct other *other)
{
	struct site *site = other->site;

	site->caller = syscall(SYS_gettid);
	ASSERT_EQ(0, pthread_create(&site->other, NULL, be_other, other));
	ASSERT_TRUE(MBX_UNTIL(__atomic_load_n(&site->other_tid, __ATOMIC_ACQUIRE)));
}

static void site_open(struct __test_metadata *_metadata, struct site *site, struct other *other,
		      int (*call)(struct site *site))
{
	struct mailbox_channel channel = { .ring = SIZE, .ring_back = SIZE, .capacity = 2 };
	struct mailbox_create segment = {
		.rights = MAILBOX_RIGHT_ALL, .policy = MAILBOX_POLICY_SEGMENT,
		.capacity = 3 * 4096,
	};
	struct mailbox_connect first = { .ring = SIZE, .ring_back = SIZE };
	struct mailbox_receive message;
	struct mailbox_error error;
	char room[64];

	site->deadline = mbx_now() + MBX_PATIENCE;
	site->device = mbx_device();
	ASSERT_LE(0, site->device);
	site->listener = mbx_new(MAILBOX_POLICY_SHARED, BACKLOG);
	ASSERT_LE(0, site->listener);
	site->asker = mbx_dup(site->listener, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, site->asker);
	site->segment = mbx_create(&segment);
	ASSERT_LE(0, site->segment);
	ASSERT_EQ(0, mbx_ioctl(site->device, MAILBOX_IOC_CHANNEL, &channel));
	site->end[0] = channel.fd;
	site->end[1] = channel.fd_back;

	if (other->act == other_connects) {
		other_start(_metadata, other);
		ASSERT_TRUE(MBX_UNTIL(!hear(site, &message, room)));
		ASSERT_TRUE(mbx_wait_asleep(site->other_tid, SYS_ioctl));
	} else {
		ASSERT_EQ(0, ask(site, &first));
		site->asked = first.fd;
		ASSERT_EQ(0, hear(site, &message, room));
	}
	site->sequence = message.header.sequence;
	for (int i = 0; i < BACKLOG && other->act == other_makes_room; i++)
		ASSERT_EQ(0, mbx_put(site->listener, "full", MAILBOX_NONBLOCK));
	if (other->act && other->act != other_connects)
		other_start(_metadata, other);
	if (other->act == other_sleeps)
		ASSERT_TRUE(mbx_wait_waiters(site->end[0], 0, 1));
	if (other->act == other_accepts || other->act == other_refuses)
		ASSERT_TRUE(mbx_wait_waiters(site->listener, 0, 1));
	if (call == call_receive_from_end)
		ASSERT_EQ(0, send_letter(site, &error));
	if (call == call_receive) {
		struct mailbox_connect second = { .flags = 0 };

		ASSERT_EQ(0, ask(site, &second));
		close(second.fd);
		site->queued = 1;
	}
	if (call == call_ring_wait)
		ASSERT_EQ(0, call_ring_wake(site));
}

static bool passes(int from, int to)
{
	return !mbx_put(from, "works", MAILBOX_NONBLOCK) && !strcmp(mbx_next(to), "works");
}

static bool rings_pass(int from, int to)
{
	struct mailbox_ring *out, *in;
	bool pass;
	char text[8];

	if (mailbox_ring_open(from, 0, &out, NULL))
		return false;
	if (mailbox_ring_open(to, 0, &in, NULL))
		return false;
	pass = !mailbox_ring_send(out, "works", 5, 0) &&
	       mailbox_ring_receive(in, text, sizeof(text), 0) == 5 &&
	       !memcmp(text, "works", 5);
	mailbox_ring_close(out);
	mailbox_ring_close(in);
	return pass;
}

/* Who was on the other side got what it waited for, once. */
static void other_is_done(struct __test_metadata *_metadata, struct site *site,
			  const struct other *other, bool failed)
{
	struct mailbox_ring_wait wait = {
		.flags = MAILBOX_NONBLOCK, .events = MAILBOX_RING_DATA,
	};
	int end = site->other_end;

	pthread_join(site->other, NULL);
	ASSERT_EQ(0, site->other_result);
	if (other->act == other_connects) {
		ASSERT_EQ(site->made[0] < 0, site->refused);
		end = site->asked;
	}
	if (other->act == other_accepts || other->act == other_refuses)
		ASSERT_EQ(other->act == other_refuses, site->refused);
	if (site->refused && (other->act == other_connects || !failed))
		ASSERT_EQ(7, site->refusal);
	if (end >= 0) {
		ASSERT_TRUE(passes(site->made[0], end));
		ASSERT_TRUE(passes(end, site->made[0]));
		ASSERT_TRUE(rings_pass(site->made[0], end));
	}
	if (site->other_end >= 0)
		ASSERT_EQ(0, close(site->other_end));
	/* no wake-up is left over, so that there were as many as sleeps */
	if (other->act == other_wakes || other->act == other_sleeps)
		ASSERT_EQ(-EAGAIN, mbx_ioctl(site->end[1], MAILBOX_IOC_RING_WAIT, &wait));
}

/* Whatever has failed: all that there was is there, and works. */
static void site_works(struct __test_metadata *_metadata, struct site *site,
		       const FIXTURE_VARIANT(fault_channel) *variant)
{
	struct mailbox_peer peer = { .flags = 0 };
	struct mailbox_receive message;
	struct mailbox_error error;
	char room[64];

	/* the request, answered by the call or not */
	if (!site->answered) {
		ASSERT_EQ(0, call_accept(site));
		ASSERT_TRUE(passes(site->asked, site->made[0]));
		ASSERT_TRUE(passes(site->made[0], site->asked));
		ASSERT_TRUE(rings_pass(site->asked, site->made[0]));
		close(site->made[0]);
	} else if (variant->call == call_refuse && !variant->other) {
		ASSERT_EQ(0, mbx_ioctl(site->asked, MAILBOX_IOC_PEER, &peer));
		ASSERT_EQ(MAILBOX_PEER_REFUSED, peer.state);
		ASSERT_EQ(7, peer.code);
	}
	/* those that are queued, and no others */
	for (unsigned int i = 0; i < site->queued; i++) {
		ASSERT_EQ(0, hear(site, &message, room));
		ASSERT_TRUE(message.header.flags & MAILBOX_MESSAGE_CONNECT);
	}
	ASSERT_EQ(0, mbx_depth(site->listener));
	ASSERT_TRUE(passes(site->asker, site->listener));

	while (site->letters)
		ASSERT_EQ(0, receive_letter(site, &error));
	ASSERT_TRUE(passes(site->end[0], site->end[1]));
	ASSERT_TRUE(passes(site->end[1], site->end[0]));
	ASSERT_TRUE(rings_pass(site->end[0], site->end[1]));
	ASSERT_TRUE(rings_pass(site->end[1], site->end[0]));
	if (!site->destroyed)
		ASSERT_EQ(0, map(site->segment, PROT_READ | PROT_WRITE, 3 * 4096, 0));
}

/* Make a call of a site, with one allocation or copy failing. */
static void call_once(struct __test_metadata *_metadata, void *data, const void *how,
		      struct fault *fault)
{
	const FIXTURE_VARIANT(fault_channel) *variant = how;
	struct site site = { .made = { -1, -1 }, .other_end = -1 };
	struct other other = { .site = &site, .act = variant->other };
	int result;

	site_open(_metadata, &site, &other, variant->call);
	site.error = NULL;
	/* the C library does that in each thread, by signals, which end waits */
	if (!variant->other)
		ASSERT_EQ(0, setresuid(variant->caller, 0, 0));
	ASSERT_EQ(0, fault_arm(fault->control, fault->nth));
	result = variant->call(&site);
	fault->failed = fault_disarm(fault->control);
	fault->result = result;
	if (!variant->other)
		ASSERT_EQ(0, setresuid(0, 0, 0));

	if (!fault->failed)
		ASSERT_EQ(0, result) TH_LOG("nothing failed, but the call did");
	if (result) {
		ASSERT_EQ(-1, site.made[0]);
		if (site.error) {
			ASSERT_EQ(result, site.error->code);
			ASSERT_TRUE(site.error->reason == MAILBOX_REASON_NONE ||
				    (result == -EFAULT &&
				     site.error->reason == MAILBOX_REASON_POINTER));
		}
	}
	if (variant->other) {
		/* it still waits for this, and gets it now */
		if (result)
			ASSERT_EQ(0, variant->call(&site));
		other_is_done(_metadata, &site, &other, fault->failed);
	}
	if (!result && variant->call == call_channel_with_rings)
		ASSERT_TRUE(rings_pass(site.made[0], site.made[1]));
	for (int i = 0; i < 2; i++) {
		if (site.made[i] >= 0)
			ASSERT_EQ(0, close(site.made[i]));
		site.made[i] = -1;
	}
	mailbox_ring_close(site.ring);
	site_works(_metadata, &site, variant);

	close(site.asked);
	close(site.end[0]);
	close(site.end[1]);
	close(site.segment);
	close(site.asker);
	close(site.listener);
	close(site.device);
}

TEST_F_TIMEOUT(fault_channel, each_fails_once, 300)
{
	if (self->control < 0)
		SKIP(return, "no " FAIL_NTH ": the kernel has no fault injection");
	fault_each(_metadata, call_once, NULL, variant, self->control, variant->least);
	if (variant->caller == FAULT_NEWCOMER)
		fault_each_of_newcomer(_metadata, call_once, NULL, variant, self->control);
}

/* --- pages ------------------------------------------------------------ */

#define BIG		(256 * 4096)
/* In each of these calls there are some hundred pages when the next one fails. */
#define FIRST		100
#define CALLS		100
/* A quarter of them; kernels keep some for each CPU, and KASAN what was freed. */
#define MAY_KEEP	(FIRST * CALLS / 4 * 4096)

/*
 * Pages that are lost are seen by nobody else: they are no objects to kmemleak, and
 * for the quota a ring and a message are there or not.
 */
FIXTURE(fault_pages)
{
	int control;
};

FIXTURE_VARIANT(fault_pages)
{
	int (*call)(struct site *site);
};

static int call_big_channel(struct site *site)
{
	return make_channel(site, BIG);
}

static int call_big_connect(struct site *site)
{
	return connected(site, &(struct mailbox_connect){ .ring = BIG, .ring_back = BIG });
}

static int call_big_send(struct site *site)
{
	static char letter[BIG];
	struct mailbox_send message = {
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(letter), .length = BIG,
	};
	int result = mbx_send(site->end[0], &message);

	return called(site, result, &message.error);
}

FIXTURE_VARIANT_ADD(fault_pages, channel) { .call = call_big_channel };
FIXTURE_VARIANT_ADD(fault_pages, connect) { .call = call_big_connect };
FIXTURE_VARIANT_ADD(fault_pages, send) { .call = call_big_send };

FIXTURE_SETUP(fault_pages)
{
	self->control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->control >= 0)
		ASSERT_EQ(0, fault_set_all());
}

FIXTURE_TEARDOWN(fault_pages)
{
	close(self->control);
}

static long long free_bytes(void)
{
	struct sysinfo now;

	return sysinfo(&now) ? -1 : (long long)now.freeram * now.mem_unit;
}

TEST_F_TIMEOUT(fault_pages, given_back, 300)
{
	struct site site = { .made = { -1, -1 } };
	struct other nobody = { .site = &site };
	unsigned int none[FAULT_KINDS], count[FAULT_KINDS];
	long long before;

	if (self->control < 0)
		SKIP(return, "no " FAIL_NTH ": the kernel has no fault injection");
	site_open(_metadata, &site, &nobody, variant->call);
	ASSERT_EQ(0, fault_count(none));
	before = free_bytes();
	for (unsigned int nth = FIRST; nth < FIRST + CALLS; nth++) {
		int result;

		ASSERT_EQ(0, fault_arm(self->control, nth));
		result = variant->call(&site);
		ASSERT_TRUE(fault_disarm(self->control));
		/* in a send a copy follows each page */
		ASSERT_TRUE(result == -ENOMEM ||
			    (result == -EFAULT && variant->call == call_big_send)) {
			TH_LOG("failure %u: the call said %d", nth, result);
		}
	}
	ASSERT_EQ(0, fault_count(count));
	ASSERT_LE(CALLS / (variant->call == call_big_send ? 4 : 2),
		  count[FAULT_PAGE] - none[FAULT_PAGE]);
	ASSERT_TRUE(MBX_UNTIL(free_bytes() > before - MAY_KEEP)) {
		TH_LOG("%lld bytes are lost", before - free_bytes());
	}
}

TEST_HARNESS_MAIN
