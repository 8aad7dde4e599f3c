// SPDX-License-Identifier: GPL-2.0
#include "storm.h"

#include <getopt.h>
#include <stdarg.h>

#include "kselftest.h"

#define WRONGS_SHOWN	20
#define REFERENCES	"/sys/module/mailbox_ipc/refcnt"

static const char *const caches[] = {
	"mailbox", "mailbox_handle", "mailbox_message",
};

/* What there is of the module's. */
struct holdings {
	long long references;
	long long objects[ARRAY_SIZE(caches)];
	int files;
	struct mailbox_info info;
};

static unsigned int seed;
static bool is_long;
static unsigned int share = 1;	/* one part in so many of the long form */
static __s64 begin;
static struct holdings at_first;

/* Counts what was wrong, of all processes, and what of it has been reported. */
static unsigned int *wrongs;
static unsigned int reported;

/* --- the program ----------------------------------------------------- */

static void __attribute__((noreturn)) usage(const char *program)
{
	fprintf(stderr, "usage: %s [--long [--share NUMBER]] [--seed NUMBER]\n", program);
	exit(2);
}

/* One write(2): lines of several processes do not mix. */
static void say(const char *format, va_list arguments)
{
	char line[512] = "# ";
	int length = 2 + vsnprintf(line + 2, sizeof(line) - 3, format, arguments);

	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length] = '\n';
	if (write(STDOUT_FILENO, line, length + 1) < 0)
		perror("stdout");
}

void storm_remark(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void storm_wrong(const char *file, int line, const char *format, ...)
{
	const char *slash = strrchr(file, '/');
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (__atomic_add_fetch(wrongs, 1, __ATOMIC_SEQ_CST) <= WRONGS_SHOWN)
		storm_remark("%s:%d: %s", slash ? slash + 1 : file, line, text);
}

bool storm_balance(const char *file, int line, int handle, unsigned int most,
		   struct mailbox_stat *stat)
{
	int result = mbx_stat(handle, stat);
	__u64 gone = stat->received + stat->dropped + stat->withdrawn;

	if (result) {
		storm_wrong(file, line, "no STAT: %d (%s)", result, strerror(-result));
		return false;
	}
	/*
	 * In a broadcast each receiver has a share in a message, or nobody has one, and the
	 * depth is that of the fullest: no message may be in no account, and none in more
	 * than there were receivers.
	 */
	if (stat->sent <= gone + stat->depth * most && gone + stat->depth <= stat->sent * most &&
	    (stat->depth || !stat->bytes) && !stat->waiting_senders && !stat->waiting_receivers)
		return true;
	storm_wrong(file, line,
		    "not balanced: sent %llu, received %llu, dropped %llu, withdrawn %llu, depth %llu of %llu bytes; %u and %u wait",
		    stat->sent, stat->received, stat->dropped, stat->withdrawn, stat->depth,
		    stat->bytes, stat->waiting_senders, stat->waiting_receivers);
	return false;
}

/*
 * Objects in use, or -ENOENT where the cache is merged with others.  What is
 * kept back, by CPUs or for the sake of KASAN, is given up before.
 */
static long long objects(const char *cache)
{
	char path[64], line[256], name[64];
	long long active, found = -ENOENT;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	storm_write(path, "1");
	file = fopen("/proc/slabinfo", "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %lld", name, &active) == 2 && !strcmp(name, cache))
			found = active;
	fclose(file);
	return found;
}

static struct holdings holdings(void)
{
	struct holdings now = { .files = mbx_open_files() };
	int device = mbx_device();

	STORM_CHECK_RESULT(mbx_info(device, &now.info), 0);
	close(device);
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++)
		now.objects[i] = objects(caches[i]);
	now.references = storm_number(REFERENCES, "");
	return now;
}

/* What there is now, in @now; and is that what there was at first? */
static bool are_back(struct holdings *now)
{
	const struct holdings *first = &at_first;

	*now = holdings();
	return now->references == first->references && now->files == first->files &&
	       !memcmp(now->objects, first->objects, sizeof(now->objects)) &&
	       now->info.user_bytes == first->info.user_bytes &&
	       now->info.user_messages == first->info.user_messages &&
	       now->info.user_mailboxes == first->info.user_mailboxes;
}

static void show(const char *when, const struct holdings *now)
{
	storm_remark("%s: %lld references, %d files, %llu bytes, %llu messages, %llu mailboxes",
		     when, now->references, now->files, now->info.user_bytes,
		     now->info.user_messages, now->info.user_mailboxes);
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++)
		storm_remark("%s: %lld in %s", when, now->objects[i], caches[i]);
}

void storm_begin(int argc, char **argv, unsigned int results)
{
	static const struct option options[] = {
		{ "long", no_argument, NULL, 'l' },
		{ "seed", required_argument, NULL, 's' },
		{ "share", required_argument, NULL, 'n' },
		{}
	};
	int option;

	seed = mbx_clock(CLOCK_REALTIME) / 1000 % 1000000;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			is_long = true;
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			share = strtoul(optarg, NULL, 0);
			if (!share)
				usage(argv[0]);
			break;
		default:
			usage(argv[0]);
		}
	}
	if (optind != argc)
		usage(argv[0]);

	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	ksft_set_plan(results);
	storm_remark("%s: seed %u", is_long ? "long" : "short", seed);
	wrongs = storm_shared(sizeof(*wrongs));
	if (getuid())
		storm_wrong(__FILE__, __LINE__, "this is for root");
	begin = mbx_now();
	at_first = holdings();
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++)
		if (at_first.objects[i] < 0)
			storm_remark("%s is merged with other caches, and cannot be counted",
				     caches[i]);
}

void storm_result(const char *what)
{
	unsigned int now = __atomic_load_n(wrongs, __ATOMIC_SEQ_CST);

	if (now > reported && is_long)
		storm_remark("%u wrong; to try it again: --seed %u --long --share %u",
			     now - reported, seed, share);
	else if (now > reported)
		storm_remark("%u wrong; to try it again: --seed %u", now - reported, seed);
	ksft_test_result(now == reported, "%s\n", what);
	reported = now;
}

void storm_skip(const char *why)
{
	ksft_test_result_skip("%s\n", why);
}

void storm_calm(void)
{
	struct holdings now;

	if (!MBX_UNTIL(are_back(&now))) {
		storm_wrong(__FILE__, __LINE__, "something is left");
		show("before", &at_first);
		show("after", &now);
	}
	storm_result("nothing is left");
}

int storm_end(void)
{
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}

bool storm_fine(void)
{
	return __atomic_load_n(wrongs, __ATOMIC_SEQ_CST) == reported;
}

bool storm_goes_on(unsigned int round, unsigned int rounds, unsigned int minutes)
{
	/* what is broken needs not be broken further */
	return storm_fine() && (round < rounds ||
				(is_long && mbx_now() < begin + minutes * 60 * MBX_SECOND / share));
}

unsigned int storm_many(unsigned int in_short, unsigned int in_long)
{
	return is_long && in_long / share > in_short ? in_long / share : in_short;
}

/* --- chance ---------------------------------------------------------- */

__u32 storm_seeded(unsigned int round, unsigned int who)
{
	__u32 state = seed * 2654435761u + round * 40503u + who;

	storm_roll(&state);
	return state;
}

__u32 storm_roll(__u32 *state)
{
	__u64 mixed;

	*state += 0x9e3779b9;
	mixed = (*state ^ *state >> 16) * 0x85ebca6bULL;
	return mixed >> 16 ^ mixed;
}

void storm_dither(__u32 *state, unsigned int microseconds)
{
	usleep(storm_roll(state) % microseconds);
}

void storm_stamp(void *bytes, size_t length, __u64 tag)
{
	unsigned char *byte = bytes;

	for (size_t i = 0; i < length; i++)
		byte[i] = tag * 7 + (i ^ i >> 8);
}

bool storm_stamped(const void *bytes, size_t length, __u64 tag)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < length; i++)
		if (byte[i] != (unsigned char)(tag * 7 + (i ^ i >> 8)))
			return false;
	return true;
}

/* --- tasks and files ------------------------------------------------- */

void storm_show_threads(pid_t pid)
{
	char path[64], line[128];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stack", pid, entry->d_name);
		file = fopen(path, "re");
		storm_remark("thread %s of process %d:", entry->d_name, pid);
		while (file && fgets(line, sizeof(line), file)) {
			line[strcspn(line, "\n")] = 0;
			storm_remark("   %s", line);
		}
		if (file)
			fclose(file);
	}
	if (directory)
		closedir(directory);
}

static bool ended(pid_t child, int *status)
{
	pid_t pid = waitpid(child, status, WNOHANG);

	return pid == child || (pid < 0 && errno != EINTR);
}

int storm_join(pid_t child)
{
	int status = 0;

	if (!MBX_UNTIL(ended(child, &status))) {
		storm_wrong(__FILE__, __LINE__, "process %d does not end", child);
		storm_show_threads(child);
		kill(child, SIGKILL);
		if (!MBX_UNTIL(ended(child, &status)))
			return -ETIME;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void *storm_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	return memory;
}

int storm_write(const char *path, const char *format, ...)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), result;
	va_list arguments;

	if (fd < 0)
		return -errno;
	va_start(arguments, format);
	result = vdprintf(fd, format, arguments) < 0 ? -errno : 0;
	va_end(arguments);
	close(fd);
	return result;
}

long long storm_number(const char *path, const char *key)
{
	size_t length = strlen(key);
	long long value = -ENOENT;
	char line[128];
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, length) && sscanf(line + length, "%lld", &value) == 1)
			break;
	fclose(file);
	return value;
}
